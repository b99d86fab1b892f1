#!/usr/bin/env bash
# pcapfix repairs captures. Here it gets one that is right: a pcapng with a custom block, as several capture programs write.
#
# Guess: it says that there is nothing to fix.
# Seen: pcapfix 1.1.7 reports corruptions, and writes a file that has the custom block no more.
# Source: draft-ietf-opsawg-pcapng, section 4.8 (Custom Block): readers skip what they don't know.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb pcapfix=1.1.7-2

python3 - <<'PYTHON'
from capture import *
data = section() + interface() + custom_block(32_473, b"hello123") + packet(0, TIME * 10**6, datagram())
open("in.pcapng", "wb").write(data)
PYTHON

pcapfix -o out.pcapng in.pcapng >messages 2>&1 || true
expect "blocks of the file" "$(python3 -c 'from capture import *; print([hex(kind) for kind, _ in blocks("in.pcapng")])')" \
    "['0xa0d0d0a', '0x1', '0xbad', '0x6']"
expect "blocks after the repair" "$(python3 -c 'from capture import *; print([hex(kind) for kind, _ in blocks("out.pcapng")])')" \
    "['0xa0d0d0a', '0x1', '0x6']"
expect "what it says" "$(grep -o 'SUCCESS: [0-9]* Corruption(s) fixed!' messages)" "SUCCESS: 3 Corruption(s) fixed!"
finish
