#!/usr/bin/env bash
# pyroute2's Conntrack lists the kernel's connections: dump_entries() yields each, and count() says how many there are.
#
# Guess: all of them, of IPv4 and IPv6, as "conntrack -L" has them.
# Seen: pyroute2 0.9.7 asks for IPv4's only, unless Conntrack is made with nfgen_family=0. count() counts IPv6's too. A report of open
# connections made with it has none of IPv6, and nothing says so.
# Source: pyroute2/netlink/nfnetlink/nfctsocket.py, nfgen_family; Linux, net/netfilter/nf_conntrack_netlink.c, ctnetlink_dump_table: family 0 is all.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb conntrack=1:1.4.7-1+b2 libnetfilter-conntrack3=1.0.9-3 libnfnetlink0=1.0.2-2 libmnl0=1.0.4-3
pypi pyroute2==0.9.7

cat >steps.sh <<'STEPS'
for ends in "-s 10.0.0.1 -d 10.0.0.2" "-s fd00::1 -d fd00::2"; do
    conntrack -I -p udp $ends --sport 1000 --dport 53 -t 60 >/dev/null 2>&1
done
echo "conntrack: $(conntrack -L 2>/dev/null | wc -l)"
python3 - <<'PYTHON'
from pyroute2.conntrack import Conntrack
with Conntrack() as table:
    print(f"count(): {table.count()}")
    print("dump_entries():", *[entry.tuple_orig.saddr for entry in table.dump_entries()])
PYTHON
STEPS

expect "a connection of IPv4 and one of IPv6" "$(unshare -n bash steps.sh)" "conntrack: 2
count(): 2
dump_entries(): 10.0.0.1"
finish
