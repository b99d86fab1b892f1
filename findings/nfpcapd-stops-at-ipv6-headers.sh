#!/usr/bin/env bash
# nfpcapd makes flows from a capture, and nfdump selects some of them.
#
# Guess: a query over IPv6 is a flow of UDP with its port, with a hop-by-hop or destination header too, and the first fragment as well.
# Seen: nfpcapd 1.7.1 takes the first header after IPv6 for the protocol. "proto udp and port 53" doesn't find such flows; their ports are 0, and
# datagrams to all ports fall into one flow. A frame with two VLAN tags (802.1ad) is left out.
# Source: RFC 8200, section 4 (extension headers); nfdump(1), "proto", "port".
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb nfdump=1.7.1-2+deb12u1 libpcap0.8=1.10.3-1

python3 - <<'PYTHON'
import ipaddress, struct
from capture import *
def ipv6(header, payload):
    addresses = b"".join(ipaddress.ip_address(a).packed for a in ("fd00::1", "fd00::2"))
    return datagram()[:12] + b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(payload), header, 64) + addresses + payload
def udp(port):
    return struct.pack(">HHHH", 1000, port, 13, 0x1234) + b"hello"
options = b"\x11\x00\x01\x04\x00\x00\x00\x00"
fragment = b"\x11\x00\x00\x01\x00\x00\x00\x07"
plain = datagram()
twice = plain[:12] + bytes.fromhex("88a8000781000005") + plain[12:]
frames = [ipv6(17, udp(53)), ipv6(60, options + udp(53)), ipv6(60, options + udp(123)), ipv6(44, fragment + udp(53)), twice]
open("in.pcap", "wb").write(pcap([(TIME + i, 0, frame) for i, frame in enumerate(frames)]))
PYTHON

mkdir flows
nfpcapd -r in.pcap -l flows >/dev/null 2>&1
expect "flows of five datagrams" "$(nfdump -q -R flows -o 'fmt:%pr %dp %pkt' | awk '{ print $1, $2, $3 }' | sort)" "Frag6 0 1
OPTS6 0 2
UDP 53 1"
expect "flows of UDP to port 53" "$(nfdump -q -R flows -o 'fmt:%pr' 'proto udp and dst port 53' | wc -l)" 1
finish
