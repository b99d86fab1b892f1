#!/usr/bin/env bash
# A Simple Packet Block of a pcapng has a frame and no time.
#
# Guess: readers yield the frame, with no time or with 0.
# Seen: dpkt 1.9.8 leaves the frame out without a word. scapy 2.6.1 gives it the time at which the file is read, so that the frames of an
# old capture lie years apart, and differ from one reading to the next.
# Source: draft-ietf-opsawg-pcapng, section 4.4.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
pypi dpkt==1.9.8 scapy==2.6.1

python3 - <<'PYTHON'
from capture import *
open("simple.pcapng", "wb").write(section() + interface() + simple_packet(datagram()) + packet(0, TIME * 10**6, datagram()))
PYTHON

expect "frames that dpkt yields of two" \
    "$(python3 -c 'import dpkt; print(len(list(dpkt.pcapng.Reader(open("simple.pcapng", "rb")))))')" 1
expect "the time that scapy gives is between before and after reading" "$(python3 -c '
import time
from scapy.utils import rdpcap
before = time.time()
first, second = rdpcap("simple.pcapng")
print(before <= first.time <= time.time(), int(second.time))' 2>/dev/null)" "True 1700000000"
finish
