#!/usr/bin/env bash
# "ipcalc NETWORK -s 100 50 10" plans networks that so many hosts fit in.
#
# Guess: 10 hosts get a /28, since a /29 has room for 6.
# Seen: ipcalc 0.5 (Debian's 0.42, with Perl 5.36) answers with a /29, and with a /27 for 50 hosts. It divides logarithms with Perl's bignum,
# where log(16)/log(2) is a little less than 4; the length, 28 and a trace, is rounded up. Every other power of two comes out right.
# Source: ipcalc(1): "split network to subnets where a b c fits in".
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb ipcalc=0.42-2

expect "hosts that were asked for, and that fit" \
    "$(ipcalc -nb 10.0.0.0/24 -s 100 50 10 | awk '/Requested/ { asked = $4 } /Hosts\/Net/ && asked { print asked ": " $2 }')" "100: 126
50: 30
10: 6"
finish
