#!/usr/bin/env bash
# A table with "flags dormant" is loaded but doesn't filter: rules that wait for their hour.
#
# Guess: "nft -j list ruleset" has everything that "nft list ruleset" has, so that "nft -j -f" restores it.
# Seen: the JSON of nft 1.0.6 has no flags of a table. Loaded again, without an error, the table filters: here its policy drops everything.
# A set loses "auto-merge" in the same way, so that an overlapping element, which it took before, is refused afterwards. An element loses its
# counter.
# Source: libnftables-json(5): TABLE has family, name and handle; SET has no auto-merge. nft(8), "dormant", "auto-merge".
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2

cat >rules.nft <<'RULES'
table ip night {
	flags dormant

	set hosts {
		type ipv4_addr
		flags interval
		auto-merge
		elements = { 10.0.0.0/24 }
	}

	chain output {
		type filter hook output priority filter; policy drop;
		tcp dport { 22 counter, 23 }
	}
}
RULES

cat >steps.sh <<'STEPS'
ip link set lo up
ask() {
    ping -c 1 -W 1 127.0.0.1 >/dev/null 2>&1 && echo "ping: answered" || echo "ping: lost"
    nft add element ip night hosts '{ 10.0.0.0/16 }' 2>/dev/null && echo "wider element: taken" || echo "wider element: refused"
    echo "counters of elements: $(nft list ruleset | grep -c '22 counter' || true)"
}
nft -f rules.nft
nft list ruleset >rules.txt
nft -j list ruleset >rules.json
nft flush ruleset
nft -f rules.txt
echo "from text: $(ask | paste -s -d ,)"
nft flush ruleset
nft -j -f rules.json
echo "from JSON: $?, $(ask | paste -s -d ,)"
STEPS

expect "the rule set after a round trip" "$(unshare -rn env PATH="$PATH" LD_LIBRARY_PATH="$LD_LIBRARY_PATH" bash steps.sh)" \
    "from text: ping: answered,wider element: taken,counters of elements: 1
from JSON: 0, ping: lost,wider element: refused,counters of elements: 0"
finish
