#!/usr/bin/env bash
# "conntrack -L -o save" prints connections for "conntrack -R", to take them along to another firewall.
#
# Guess: the mark of a connection, on which routes and queues depend, is saved with it.
# Seen: conntrack 1.4.7 saves neither the mark nor a word about it. Restored connections have mark 0. A line that is completed by hand must
# have -m after -u: before it, the mark becomes the bits of the status (4 for ASSURED).
# Source: conntrack(8), "-o save", -m, -u.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb conntrack=1:1.4.7-1+b2 libnetfilter-conntrack3=1.0.9-3 libnfnetlink0=1.0.2-2 libmnl0=1.0.4-3

cat >steps.sh <<'STEPS'
mark() { conntrack -L 2>/dev/null | grep -o 'mark=[0-9]*'; }
new() { conntrack -F; conntrack -I -p tcp -s 10.0.0.1 -d 10.0.0.2 --sport 1000 --dport 80 --state ESTABLISHED -t 600 "$@"; } >/dev/null 2>&1
new -u ASSURED -m 16
echo "made: $(mark)"
conntrack -L -o save >saved 2>/dev/null
conntrack -F 2>/dev/null
conntrack -R saved
echo "restored: $?, $(mark)"
new -m 16 -u ASSURED
echo "-m before -u: $(mark)"
STEPS

expect "marks of a connection" "$(unshare -n bash steps.sh)" "made: mark=16
restored: 0, mark=0
-m before -u: mark=4"
finish
