#!/usr/bin/env bash
# A packet of a pcapng may have several comments: the capture's reason, then an analyst's note.
#
# Guess: scapy shows all of them, and rdpcap followed by wrpcapng keeps them and the nanoseconds.
# Seen: scapy 2.6.1 keeps the last comment only, and writes nanoseconds cut to microseconds. Its wrpcap rounds the same time up instead.
# Source: draft-ietf-opsawg-pcapng, section 3.5 (opt_comment may be repeated).
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
pypi scapy==2.6.1

python3 - <<'PYTHON'
from capture import *
notes = option(1, b"drop by rule") + option(1, b"seen before")
open("notes.pcapng", "wb").write(section() + interface(option(9, b"\x09")) + packet(0, TIME * 10**9 + 123_456_789, datagram(), notes))
PYTHON

expect "the comments that scapy shows" "$(python3 -c '
from scapy.utils import rdpcap
print(rdpcap("notes.pcapng")[0].comment)' 2>/dev/null)" "b'seen before'"
expect "comments and time after rdpcap and wrpcapng" "$(python3 -c '
from scapy.layers.l2 import Ether
from scapy.utils import rdpcap, wrpcapng
wrpcapng("copy.pcapng", rdpcap("notes.pcapng"))
data = open("copy.pcapng", "rb").read()
print(data.count(b"drop by rule"), data.count(b"seen before"), rdpcap("copy.pcapng")[0].time)' 2>/dev/null)" "0 1 1700000000.123456"
expect "time after wrpcap" "$(python3 -c '
from scapy.layers.l2 import Ether
from scapy.utils import rdpcap, wrpcap
wrpcap("copy.pcap", rdpcap("notes.pcapng"))
print(rdpcap("copy.pcap")[0].time)' 2>/dev/null)" "1700000000.123457"
finish
