#!/usr/bin/env bash
# An address is to be replaced in a capture before it is given away: bittwiste -T ip -s OLD,NEW -d OLD,NEW.
#
# Guess: it finds the IPv4 header behind a VLAN tag, or says that it can't.
# Seen: bittwiste 2.0 edits untagged frames only. Tagged ones go into the output as they are, and all are counted as written: the capture has
# the address still, in every frame of a trunk.
# Source: bittwiste(1), -T ip: "Edit packets with IP header"; IEEE 802.1Q.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb bittwist=2.0-15 libpcap0.8=1.10.3-1

python3 - <<'PYTHON'
from capture import *
plain = datagram()
tagged = plain[:12] + bytes.fromhex("81000005") + plain[12:]
open("in.pcap", "wb").write(pcap([(TIME, 0, plain), (TIME, 0, tagged)]))
PYTHON

expect "what bittwiste says" "$(bittwiste -I in.pcap -O out.pcap -T ip -s 10.0.0.1,192.0.2.1 -d 10.0.0.2,192.0.2.2 2>&1 | grep -o '^[0-9]* packets')" "2 packets"
expect "source addresses of the output" \
    "$(python3 -c '
from capture import *
for _, _, frame in records("out.pcap"):
    at = 30 if frame[12:14] == b"\x81\x00" else 26
    print(".".join(map(str, frame[at:at + 4])))')" "192.0.2.1
10.0.0.1"
finish
