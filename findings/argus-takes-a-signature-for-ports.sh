#!/usr/bin/env bash
# UDP in AH: the packet's ports follow the authentication header, 24 bytes with a 96-bit signature.
#
# Guess: argus reports the flow as AH, or with the ports of the UDP header.
# Seen: argus 3.0.8.2 reports UDP, and takes four bytes of the signature for the ports. The signature is another in every packet: each packet
# becomes a flow of its own, between ports that nobody uses, as if it were a scan.
# Source: RFC 4302, section 2.2 (the length of AH counts the signature too).
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb argus-server=2:3.0.8.2-2.2 argus-client=1:3.0.8.2-6.1+b3 libwrap0=7.6.q-32 libpcap0.8=1.10.3-1

python3 - <<'PYTHON'
import struct
from capture import *
frames = []
for number in range(3):
    signature = bytes(range(16 * number + 1, 16 * number + 13))
    udp = struct.pack(">HHHH", 1000, 53, 13, 0) + b"hello"
    frame = datagram(transport=struct.pack(">BBHII", 17, 4, 0, 7, number + 1) + signature + udp)
    head = bytearray(frame[14:34])
    head[9:12] = b"\x33\0\0"
    total = sum(struct.unpack(">10H", head))
    head[10:12] = struct.pack(">H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF)
    frames.append(frame[:14] + bytes(head) + frame[34:])
open("in.pcap", "wb").write(pcap([(TIME + i, 0, frame) for i, frame in enumerate(frames)]))
PYTHON

argus -r in.pcap -w out.argus
expect "three packets of one flow" "$(ra -n -r out.argus -L -1 -s proto sport dport pkts | awk 'NF == 4 { print $1, $2, $3, $4 }')" "udp 1286 1800 1
udp 5398 5912 1
udp 9510 10024 1"
finish
