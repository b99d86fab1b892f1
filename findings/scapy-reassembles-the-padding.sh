#!/usr/bin/env bash
# Ethernet pads short frames to 60 bytes, fragments of IPv4 too.
#
# Guess: scapy's defragment and IPSession leave the padding out: it is no part of the packet, and a packet that is read shows it as Padding.
# Seen: scapy 2.6.1 puts each fragment's padding into the datagram, in the middle too. 20 bytes of payload become 48, and those after the
# first fragment's are moved. It sets the length to fit, so that nothing looks wrong.
# Source: RFC 894 (padding is not part of the packet); scapy/layers/inet.py, _defrag_ip_pkt.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
pypi scapy==2.6.1

python3 - <<'PYTHON'
import struct
from capture import *
transport = struct.pack(">HHHH", 1000, 1001, 28, 0) + b"0123456789abcdefghij"
frames = [datagram(fragment=0x2000, transport=transport[:24]), datagram(fragment=3, transport=transport[24:])]
for name, size in ("short", 0), ("padded", 60):
    open(name + ".pcap", "wb").write(pcap([(TIME, 0, frame.ljust(size, b"\0")) for frame in frames]))
PYTHON

cat >payload.py <<'PYTHON'
import logging, sys
logging.disable(logging.WARNING)
from scapy.all import IP, UDP, IPSession, defragment, rdpcap, sniff
def show(packet):
    print(bytes(IP(bytes(packet[IP]))[UDP].payload).rstrip(b"\0"))
show(defragment(rdpcap(sys.argv[1]))[0])
show(sniff(offline=sys.argv[1], session=IPSession)[0])
PYTHON

expect "payload of short frames" "$(python3 payload.py short.pcap)" "b'0123456789abcdefghij'
b'0123456789abcdefghij'"
expect "payload of padded frames" "$(python3 payload.py padded.pcap)" "b'0123456789abcdef\\x00\\x00ghij'
b'0123456789abcdef\\x00\\x00ghij'"
finish
