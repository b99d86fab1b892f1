#!/usr/bin/env bash
# Scripts delete a rule by the line that "iptables -S" prints for it, and add one only if "iptables -C" doesn't find it.
#
# Guess: both work with every rule: what -S prints describes the rule.
# Seen: iptables 1.8.9 does not find rules with "-m recent" or "-m connlimit". -S prints the mask that was left out, and an equal mask that is
# given is stored in 4 bytes where one that is left out has 16. After a save and a restore the script's own words don't find the rule either:
# at each start "-C ... || -A ..." adds one more, and "-D" leaves all of them.
# Source: iptables(8), -D and -C; extensions/libxt_recent.c and libxt_connlimit.c (the mask before options are read).
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb iptables=1.8.9-2 libxtables12=1.8.9-2 libip4tc2=1.8.9-2 libip6tc2=1.8.9-2
export XTABLES_LIBDIR=$LD_LIBRARY_PATH/xtables

cat >steps.sh <<'STEPS'
for match in "limit --limit 5/sec" "connlimit --connlimit-above 5" "recent --name seen --set"; do
    iptables-nft -F INPUT
    iptables-nft -A INPUT -m $match -j DROP
    listed=$(iptables-nft -S INPUT | sed -n 's/^-A //p')
    iptables-nft -D $listed 2>/dev/null && deleted=yes || deleted=no
    iptables-nft -F INPUT
    # Three starts of a machine that saves its rules.
    for start in 1 2 3; do
        iptables-nft -C INPUT -m $match -j DROP 2>/dev/null || iptables-nft -A INPUT -m $match -j DROP
        iptables-nft-save >saved
        iptables-nft-restore <saved
    done
    echo "${match%% *}: deleted as listed: $deleted, rules after three starts: $(iptables-nft -S INPUT | grep -c DROP)"
done
STEPS

expect "what -D and -C find" \
    "$(unshare -rn env PATH="$PATH" LD_LIBRARY_PATH="$LD_LIBRARY_PATH" XTABLES_LIBDIR="$XTABLES_LIBDIR" bash steps.sh)" \
    "limit: deleted as listed: yes, rules after three starts: 1
connlimit: deleted as listed: no, rules after three starts: 3
recent: deleted as listed: no, rules after three starts: 3"
finish
