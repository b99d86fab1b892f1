#!/usr/bin/env bash
# Two pcapng files that were put together with cat: a file may have several sections, and each numbers its interfaces from 0.
#
# Guess: tshark names the interface that the packet's own section describes, and editcap keeps it.
# Seen: tshark 4.0.17 counts times by the packet's own section, and takes the name from the first one: a packet of "outside" came in on "inside".
# editcap's copy has one section, in which every packet says so for good.
# Source: draft-ietf-opsawg-pcapng, section 4.1: interface numbers are valid in their section; wiretap/wtap.h, wtap_rec.section_number.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb tshark=4.0.17-0+deb12u3 wireshark-common=4.0.17-0+deb12u3 libwireshark16=4.0.17-0+deb12u3 libwiretap13=4.0.17-0+deb12u3 libwsutil14=4.0.17-0+deb12u3 \
    libwireshark-data=4.0.17-0+deb12u3

python3 - <<'PYTHON'
from capture import *
open("1.pcapng", "wb").write(section() + interface(option(2, b"inside")) + packet(0, TIME * 10**6, datagram()))
open("2.pcapng", "wb").write(section() + interface(option(2, b"outside") + option(9, b"\x09")) + packet(0, (TIME + 1) * 10**9, datagram()))
PYTHON

names() { tshark -r "$1" -T fields -e frame.time_epoch -e frame.interface_name 2>/dev/null | sed 's/\.0*\t/ /'; }
cat 1.pcapng 2.pcapng >both.pcapng
expect "the second file" "$(names 2.pcapng)" "1700000001 outside"
expect "both files" "$(names both.pcapng)" "1700000000 inside
1700000001 inside"
editcap both.pcapng copy.pcapng 2>/dev/null
expect "editcap's copy" "$(names copy.pcapng)" "1700000000 inside
1700000001 inside"
finish
