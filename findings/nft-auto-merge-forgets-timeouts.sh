#!/usr/bin/env bash
# A set with auto-merge takes overlapping and adjacent networks. Some are in it for good, and others for a time.
#
# Guess: networks are merged only where their timeouts are equal, or the merged one stays as long as the longest.
# Seen: nft 1.0.6 gives the merged network one of the timeouts. A network that was there for good goes with its neighbour that was added for a
# second. A host that is added for an hour goes with the network of a second that it is in. A network of a second stays for good if a
# neighbour is added for good.
# Source: nft(8), "auto-merge": "automatic merge of adjacent/overlapping set elements"; it doesn't mention timeouts.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2

cat >steps.sh <<'STEPS'
nft 'add table t'
number=0
for pair in "10.0.0.0/24|10.0.1.0/24 timeout 1s" "10.0.0.0/24 timeout 1s|10.0.0.5 timeout 1h" "10.0.0.0/24 timeout 1s|10.0.1.0/24"; do
    number=$((number + 1))
    nft "add set t s$number { type ipv4_addr; flags interval,timeout; auto-merge; }"
    nft "add element t s$number { ${pair%|*} }"
    nft "add element t s$number { ${pair#*|} }"
done
sleep 2
for number in 1 2 3; do
    echo "$number: $(nft list set t s$number | sed -n 's/.*elements = //p')"
done
STEPS

expect "what is left after two seconds" "$(unshare -rn env PATH="$PATH" LD_LIBRARY_PATH="$LD_LIBRARY_PATH" bash steps.sh)" "1: 
2: 
3: { 10.0.0.0/23 }"
finish
