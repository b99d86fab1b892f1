#!/usr/bin/env bash
# pcapng has if_tsoffset: seconds to be added to every time of an interface.
#
# Guess: the pcapng readers of Python add it, as libpcap and Wireshark do.
# Seen: python-pcapng 2.1.1 and scapy 2.6.1 ignore it without a word; every time is early by the offset. dpkt 1.9.8 adds it.
# Source: draft-ietf-opsawg-pcapng, section 4.2 (if_tsoffset, option 14).
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb tcpdump=4.99.3-1 libpcap0.8=1.10.3-1
pypi dpkt==1.9.8 python-pcapng==2.1.1 scapy==2.6.1

python3 - <<'PYTHON'
import struct
from capture import *
data = section() + interface(option(14, struct.pack("<q", 1000))) + packet(0, (TIME - 1000) * 10**6, datagram())
open("offset.pcapng", "wb").write(data)
PYTHON

expect "libpcap" "$(tcpdump -n -tt -r offset.pcapng 2>/dev/null | cut -d ' ' -f 1)" 1700000000.000000
expect "dpkt" "$(python3 -c 'import dpkt; print([int(t) for t, _ in dpkt.pcapng.Reader(open("offset.pcapng", "rb"))])')" "[1700000000]"
expect "python-pcapng" "$(python3 -c '
import pcapng
print([int(b.timestamp) for b in pcapng.FileScanner(open("offset.pcapng", "rb")) if hasattr(b, "timestamp")])')" "[1699999000]"
expect "scapy" "$(python3 -c '
from scapy.utils import rdpcap
print([int(p.time) for p in rdpcap("offset.pcapng")])' 2>/dev/null)" "[1699999000]"
finish
