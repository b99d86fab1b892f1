#!/usr/bin/env bash
# tcprewrite sets the MAC addresses of a capture to those of a lab, for a replay.
#
# Guess: --enet-dmac and --enet-smac hold for IPv4 and IPv6 alike, and without them the addresses stay.
# Seen: tcprewrite 4.4.3 takes every IPv6 packet for multicast. It leaves the addresses that it was given out, and overwrites the first two
# bytes of both MAC addresses with 33:33, whatever it is told to do. In a replay no host takes the packets, and a switch floods them.
# Source: RFC 2464, section 7 (33:33 is for destinations in ff00::/8); appneta/tcpreplay, pull request 793.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb tcpreplay=4.4.3-1 libdumbnet1=1.16.3-1 libpcap0.8=1.10.3-1

cat >frames.py <<'PYTHON'
import ipaddress, struct, sys
from capture import *
udp = struct.pack(">HHHH", 1000, 53, 13, 0x1234) + b"hello"
head = struct.pack(">IHBB", 6 << 28, len(udp), 17, 64) + b"".join(ipaddress.ip_address(a).packed for a in ("fd00::1", "fd00::2"))
ipv6 = datagram()[:12] + b"\x86\xdd" + head + udp
if len(sys.argv) == 1:
    open("in.pcap", "wb").write(pcap([(TIME, 0, datagram()), (TIME, 0, ipv6)]))
else:
    for _, _, frame in records(sys.argv[1]):
        print(f"IPv{frame[14] >> 4} to {frame[:6].hex(':')} from {frame[6:12].hex(':')}")
PYTHON

python3 frames.py
tcprewrite -i in.pcap -o ttl.pcap --ttl=5
tcprewrite -i in.pcap -o lab.pcap --enet-dmac=02:00:00:00:00:0b --enet-smac=02:00:00:00:00:0a
expect "only the TTL is set" "$(python3 frames.py ttl.pcap)" "IPv4 to 02:00:00:00:00:02 from 02:00:00:00:00:01
IPv6 to 33:33:00:00:00:02 from 33:33:00:00:00:01"
expect "the addresses are set" "$(python3 frames.py lab.pcap)" "IPv4 to 02:00:00:00:00:0b from 02:00:00:00:00:0a
IPv6 to 33:33:00:00:00:02 from 33:33:00:00:00:01"
finish
