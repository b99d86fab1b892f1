#!/usr/bin/env bash
# nft -o merges rules that only differ in a value.
#
# Guess: it leaves rules alone that have comments or counters, since each is an operator's own.
# Seen: nft 1.0.6 drops both comments without a word, and one counter stands for both rules.
# Source: nft(8), -o: "Optimize your ruleset"; it mentions neither comments nor counters.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2

cat >rules.nft <<'RULES'
table inet t {
    chain c {
        ip saddr 10.0.0.1 counter accept comment "printer"
        ip saddr 10.0.0.2 counter accept comment "scanner"
    }
}
RULES
# In a network namespace of its own: nothing on the machine changes.
unshare -rn env PATH="$PATH" LD_LIBRARY_PATH="$LD_LIBRARY_PATH" bash -c 'nft -o -f rules.nft >/dev/null 2>&1; nft list ruleset' >listing
expect "rules" "$(grep -c accept listing)" 1
expect "the rule" "$(grep accept listing | sed 's/^[[:space:]]*//')" "ip saddr { 10.0.0.1, 10.0.0.2 } counter packets 0 bytes 0 accept"
finish
