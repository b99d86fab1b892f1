#!/usr/bin/env bash
# iptables -m time compares with UTC unless --kerneltz is given. nft reads a time of day as local time.
#
# Guess: iptables-translate says so, or writes the hours in seconds.
# Seen: iptables-translate 1.8.9 writes the same digits. On a machine in New York nft 1.0.6 loads a rule that is true five hours later than
# the one that it was translated from (13:00 UTC, 46,800 seconds).
# Source: iptables-extensions(8), "time"; nft(8), "meta hour".
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb iptables=1.8.9-2 libxtables12=1.8.9-2 libip4tc2=1.8.9-2 libip6tc2=1.8.9-2 nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2
export XTABLES_LIBDIR=$LD_LIBRARY_PATH/xtables

namespace() { unshare -rn env PATH="$PATH" LD_LIBRARY_PATH="$LD_LIBRARY_PATH" XTABLES_LIBDIR="$XTABLES_LIBDIR" "$@"; }
rule=$(namespace iptables-translate -A FORWARD -m time --timestart 08:00 --timestop 17:00 -j DROP)
expect "the translation" "$rule" "nft 'add rule ip filter FORWARD  meta hour \"08:00:00\"-\"17:00:00\" counter drop'"
# EST: five hours behind UTC in all seasons, without the time zone database.
seconds() {
    TZ=$1 namespace bash -c "nft 'add table ip filter; add chain ip filter FORWARD'; ${rule/nft/nft --debug=netlink}" |
        sed -n 's/.*cmp gte reg 1 0x\([0-9a-f]*\) .*/\1/p' | python3 -c 'print(int.from_bytes(bytes.fromhex(input()), "little"))'
}
expect "begin in a zone of UTC" "$(seconds UTC)" 28800
expect "begin in New York's winter" "$(seconds EST5)" 46800
finish
