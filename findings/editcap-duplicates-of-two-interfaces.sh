#!/usr/bin/env bash
# A capture on both sides of a bridge has each forwarded frame twice: once in on eth1, once out on eth2.
#
# Guess: editcap -d removes frames that one interface saw twice, and leaves the other side's copy.
# Seen: editcap 4.0.17 compares bytes only. The copy on eth2 goes as a duplicate, and the capture says that nothing was forwarded.
# Source: editcap(1), -d: "the length and MD5 hash of the current packet"; it doesn't mention the interface.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb wireshark-common=4.0.17-0+deb12u3 libwiretap13=4.0.17-0+deb12u3 libwsutil14=4.0.17-0+deb12u3

python3 - <<'PYTHON'
import struct
from capture import *
data = section() + interface(option(2, b"eth1")) + interface(option(2, b"eth2"))
data += packet(0, TIME * 10**6, datagram(), option(2, struct.pack("<I", 1)))
data += packet(1, TIME * 10**6 + 10, datagram(), option(2, struct.pack("<I", 2)))
open("both.pcapng", "wb").write(data)
PYTHON

editcap -d both.pcapng out.pcapng 2>/dev/null
expect "interfaces of the packets that are left" \
    "$(python3 -c '
import struct
from capture import *
print([struct.unpack("<I", body[:4])[0] for kind, body in blocks("out.pcapng") if kind == 6])')" "[0]"
finish
