#!/usr/bin/env bash
# A pcapng of two interfaces that were captured with different snapshot lengths, as mergecap or two dumpcap options make it.
#
# Guess: tcpdump reads it; each interface block has a snapshot length of its own.
# Seen: libpcap 1.10.3 reads up to the second interface block and stops. Frames of the first interface that follow are lost too.
# Source: draft-ietf-opsawg-pcapng, section 4.2 (SnapLen).
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb tcpdump=4.99.3-1 libpcap0.8=1.10.3-1

python3 - <<'PYTHON'
from capture import *
data = section() + interface() + packet(0, TIME * 10**6, datagram())
data += interface(snap_length=65_535) + packet(1, TIME * 10**6, datagram()) + packet(0, TIME * 10**6, datagram())
open("two.pcapng", "wb").write(data)
PYTHON

status=0
tcpdump -n -r two.pcapng >frames 2>messages || status=$?
expect "status, and frames of three" "$status $(wc -l <frames)" "1 1"
expect "the reason" "$(tail -n 1 messages)" \
    "tcpdump: pcap_loop: an interface has a snapshot length 65535 different from the snapshot length of the first interface"
finish
