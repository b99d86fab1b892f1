#!/usr/bin/env bash
# tcprewrite --portmap changes ports in a capture that has fragmented datagrams.
#
# Guess: it changes the first fragment, which has the UDP header, and leaves the others alone.
# Seen: tcprewrite 4.4.3 takes the payload of later fragments for a UDP header. Where four payload bytes happen to hold the port, it
# overwrites them, and says nothing. The reassembled datagram carries other data than the one that was captured.
# Source: tcprewrite(1), --portmap; RFC 791, section 3.2: only the fragment with offset 0 has the transport header.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb tcpreplay=4.4.3-1 libdumbnet1=1.16.3-1 libpcap0.8=1.10.3-1

python3 - <<'PYTHON'
import struct
from capture import *
udp = struct.pack(">HHHH", 1000, 53, 72, 0) + bytes(24)
data = struct.pack(">HHHH", 53, 53, 40, 0) + bytes(32)
first = datagram(transport=udp, identification=7, fragment=0x2000)
second = datagram(transport=data, identification=7, fragment=4)
open("in.pcap", "wb").write(pcap([(TIME, 0, first), (TIME, 1, second)]))
PYTHON

tcprewrite --portmap=53:5353 -i in.pcap -o out.pcap
expect "ports of the first fragment, and payload of the second" "$(python3 -c '
from capture import *
first, second = [frame for _, _, frame in records("out.pcap")]
print(first[34:38].hex(), second[34:38].hex())')" "03e814e9 14e914e9"
finish
