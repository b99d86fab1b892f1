#!/usr/bin/env bash
# A packet block of a pcapng may carry the verdict that a filter gave, as the option epb_verdict.
#
# Guess: editcap copies the option as it is.
# Seen: editcap 4.0.17 writes a copy that no program of the same version reads: the copy holds the verdict's nine octets under the code of
# epb_queue, whose length is four.
# Source: draft-ietf-opsawg-pcapng, section 4.3: epb_queue is 6, epb_verdict is 7.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb wireshark-common=4.0.17-0+deb12u3 libwiretap13=4.0.17-0+deb12u3 libwsutil14=4.0.17-0+deb12u3

python3 - <<'PYTHON'
import struct
from capture import *
data = section() + interface(option(2, b"eth1"))
data += packet(0, TIME * 10**6, datagram(), option(7, struct.pack("<BQ", 1, 2)))
open("verdict.pcapng", "wb").write(data)
PYTHON

expect "packets of the file" "$(capinfos -M -c verdict.pcapng 2>&1 | sed -n 's/^Number of packets: *//p')" 1
editcap verdict.pcapng copy.pcapng 2>/dev/null
expect "what capinfos says of editcap's copy" "$(capinfos -M -c copy.pcapng 2>&1 | grep -o 'option length 9 is not 4')" "option length 9 is not 4"
finish
