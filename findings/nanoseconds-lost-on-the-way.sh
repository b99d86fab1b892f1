#!/usr/bin/env bash
# A pcap with nanoseconds goes through a tool that only selects or rewrites frames.
#
# Guess: what reads nanoseconds writes nanoseconds.
# Seen: tcpdump 4.99.3 (-r with -w), tcpslice 1.5, tcprewrite 4.4.3 and ngrep 1.47 write microseconds and say nothing. Two frames 210 ns
# apart get the same time. Only tcpdump has an option against it (--nano).
# Source: pcap_open_offline(3PCAP) opens with microseconds unless the caller asks otherwise.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb tcpdump=4.99.3-1 libpcap0.8=1.10.3-1 tcpslice=1.5-1 libosip2-15=5.3.0-2.1 libnids1.21=1.26-2 libnet1=1.1.6+dfsg-3.2 tcpreplay=4.4.3-1 libdumbnet1=1.16.3-1 \
    ngrep=1.47+ds1-5+b1

python3 - <<'PYTHON'
from capture import *
frames = [(TIME, 123_456_789, datagram()), (TIME, 123_456_999, datagram())]
open("in.pcap", "wb").write(pcap(frames, nanoseconds=True))
PYTHON
times() { python3 -c 'import sys; from capture import *; print([n for _, n, _ in records(sys.argv[1])])' "$1"; }

expect "in the file" "$(times in.pcap)" "[123456789, 123456999]"
tcpdump -r in.pcap -w tcpdump.pcap 2>/dev/null
expect "tcpdump" "$(times tcpdump.pcap)" "[123456000, 123456000]"
tcpdump --nano -r in.pcap -w nano.pcap 2>/dev/null
expect "tcpdump --nano" "$(times nano.pcap)" "[123456789, 123456999]"
tcpslice -w tcpslice.pcap in.pcap
expect "tcpslice" "$(times tcpslice.pcap)" "[123456000, 123456000]"
tcprewrite --ttl=9 -i in.pcap -o tcprewrite.pcap
expect "tcprewrite" "$(times tcprewrite.pcap)" "[123456000, 123456000]"
ngrep -q -I in.pcap -O ngrep.pcap hello >/dev/null 2>&1 || true
expect "ngrep" "$(times ngrep.pcap)" "[123456000, 123456000]"
finish
