#!/usr/bin/env bash
# Each interface of a pcapng has its own resolution of times (if_tsresol). Two capture programs' files merged into one have two.
#
# Guess: dpkt takes the resolution of each packet's interface.
# Seen: dpkt 1.9.8 takes the first interface's for all, and adds the first interface's offset to all. A second interface with
# nanoseconds is in the year 55840.
# Source: draft-ietf-opsawg-pcapng, section 4.2 (if_tsresol, option 9).
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
pypi dpkt==1.9.8

python3 - <<'PYTHON'
from capture import *
data = section() + interface() + interface(option(9, b"\x09"))
data += packet(0, TIME * 10**6, datagram()) + packet(1, TIME * 10**9, datagram())
open("two.pcapng", "wb").write(data)
PYTHON

expect "both packets are of second 1700000000" \
    "$(python3 -c 'import dpkt; print([int(t) for t, _ in dpkt.pcapng.Reader(open("two.pcapng", "rb"))])')" "[1700000000, 1700000000000]"
finish
