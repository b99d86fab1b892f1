#!/usr/bin/env bash
# A set of ipset may have exceptions (nomatch), and elements that stay in a set with a timeout (timeout 0).
#
# Guess: ipset-translate says that nft has no exceptions, as its manual announces for options that it can't translate, and leaves the timeout
# out of elements that stay.
# Seen: ipset-translate 7.17 leaves out the word nomatch only. nft 1.0.6 takes the exception as a member, if it comes before the wider element;
# ipset saves in the order of its hash. "timeout 0" becomes "timeout 0s", which nft takes for no timeout of the element's own: the element
# goes after the set's. All ends with 0 and without a word.
# Source: ipset(8), "nomatch", "timeout"; ipset-translate(8), LIMITATIONS; nft(8), "timeout".
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb ipset=7.17-1 libipset13=7.17-1 nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2

cat >saved <<'SAVED'
create shops hash:net,port family inet hashsize 1024 maxelem 65536
add shops 10.1.0.0/16,tcp:443 nomatch
add shops 10.0.0.0/8,tcp:443
create admins hash:ip family inet hashsize 1024 maxelem 65536 timeout 2
add admins 10.0.0.7 timeout 60
add admins 10.0.0.6 timeout 0
SAVED

cat >steps.sh <<'STEPS'
ipset restore <saved
ipset-translate restore <saved >rules.nft
echo "translated: $?"
nft -f rules.nft
sleep 3
has() { "$@" >/dev/null 2>&1 && echo yes || echo no; }
echo "10.1.0.5:443 in shops: ipset $(has ipset test shops 10.1.0.5,tcp:443), nft $(has nft get element inet global shops '{ 10.1.0.5 . tcp . 443 }')"
echo "10.0.0.6 in admins after 3 s: ipset $(has ipset test admins 10.0.0.6), nft $(has nft get element inet global admins '{ 10.0.0.6 }')"
STEPS

expect "members" "$(unshare -rn env PATH="$PATH" LD_LIBRARY_PATH="$LD_LIBRARY_PATH" bash steps.sh)" \
    "translated: 0
10.1.0.5:443 in shops: ipset no, nft yes
10.0.0.6 in admins after 3 s: ipset yes, nft no"
finish
