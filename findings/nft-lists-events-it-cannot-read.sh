#!/usr/bin/env bash
# A rule that chooses which events of connections conntrackd or ulogd hears: "ct event set 0x40", the bit of a helper's assignment.
#
# Guess: what "nft list ruleset" prints can be loaded again, as its manual says.
# Seen: nft 1.0.6 lists the bits of helper, mark and secmark by their names, and its grammar takes these three for other words. A saved rule set
# with one of them does not load, and a firewall that is restored from it at boot has no rules at all.
# Source: src/ct.c, ct_events_tbl, has the names; src/parser_bison.y has helper, mark and secmark as tokens, which are no symbols there.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2

cat >steps.sh <<'STEPS'
for bits in 0x1 0x20 0x40 0x80 0x100 0x200 0x400; do
    nft flush ruleset
    printf 'table inet t {\n\tchain c {\n\t\tct event set %s\n\t}\n}\n' "$bits" | nft -f -
    nft list ruleset >saved.nft
    nft flush ruleset
    nft -f saved.nft 2>/dev/null && says=again || says=refused
    echo "$bits $(grep -o 'event set .*' saved.nft) $says"
done
STEPS

expect "bits, as listed, and whether the listing loads" "$(unshare -rn bash steps.sh)" "0x1 event set new again
0x20 event set protoinfo again
0x40 event set helper refused
0x80 event set mark refused
0x100 event set seqadj again
0x200 event set secmark refused
0x400 event set label again"
finish
