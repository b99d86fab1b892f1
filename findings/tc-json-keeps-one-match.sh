#!/usr/bin/env bash
# tc -j prints filters as JSON. A u32 filter has as many matches as it was given: here an address and a port.
#
# Guess: the filter has an array of matches.
# Seen: tc of iproute2 6.1.0 prints a member "match" for each, all with the same name in one object. Parsers keep one of them, as a rule the
# last: an inventory says that the filter redirects port 80 of everybody. Values are hexadecimal without a sign of it: 80 is "50".
# Source: tc/f_u32.c, u32_print_opt; RFC 8259, section 4: names within an object should be unique.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb iproute2=6.1.0-3

cat >steps.sh <<'STEPS'
ip link add near type veth peer name far
tc qdisc add dev near clsact
tc filter add dev near ingress protocol ip prio 1 u32 match ip src 10.0.0.0/8 match ip dport 80 0xffff action mirred egress redirect dev far
tc filter show dev near ingress | sed -n 's/^ *\(match .*\)/text: \1/p'
tc -j filter show dev near ingress | python3 -c '
import json, sys
for filter in json.load(sys.stdin):
    if "match" in filter.get("options", {}):
        print("JSON:", filter["options"]["match"])'
STEPS

expect "a filter of two matches" "$(unshare -n bash steps.sh)" \
    "text: match 0a000000/ff000000 at 12
text: match 00000050/0000ffff at 20
JSON: {'value': '50', 'mask': 'ffff', 'offmask': '', 'off': 20}"
finish
