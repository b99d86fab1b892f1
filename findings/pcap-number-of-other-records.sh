#!/usr/bin/env bash
# A pcap's first four bytes say how long its records' headers are. Red Hat Linux 6.1, SuSE Linux 6.3 and Nokia's IPSO had longer ones.
#
# Guess: a file that Wireshark writes and reads as pcap, libpcap reads too, or refuses by its first four bytes.
# Seen: three of Wireshark's four patched formats have the number of a format that libpcap knows. tcpdump 4.99.3 prints a frame that was
#   never sent, and then an error; Wireshark tells them apart by looking at the next records.
# Source: wiretap/libpcap.c, libpcap_try_record_fail; libpcap's sf-pcap.c has one length for each number.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb wireshark-common=4.0.17-0+deb12u3 libwiretap13=4.0.17-0+deb12u3 libwsutil14=4.0.17-0+deb12u3 tcpdump=4.99.3-1 libpcap0.8=1.10.3-1

python3 - <<'PYTHON'
import struct
from capture import *
with open("three.pcap", "wb") as file:
    file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
    for number in range(3):
        frame = datagram()
        file.write(struct.pack("<IIII", TIME + number, 0, len(frame), len(frame)) + frame)
PYTHON

for format in modpcap rh6_1pcap suse6_3pcap nokiapcap; do
    editcap -F "$format" three.pcap "$format" 2>/dev/null
    expect "$format, its first bytes, and the packets that Wireshark's and tcpdump's readers find" \
        "$(head -c 4 "$format" | od -An -tx1 | tr -d ' ') $(capinfos -TrcM "$format" | cut -f 2) $(tcpdump -n -r "$format" 2>/dev/null | grep -c 'IP 10')" \
        "$(case $format in modpcap) echo '34cdb2a1 3 3' ;; suse6_3pcap) echo '34cdb2a1 3 0' ;; *) echo 'd4c3b2a1 3 0' ;; esac)"
done
finish
