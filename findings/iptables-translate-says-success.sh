#!/usr/bin/env bash
# iptables-translate turns rules of iptables into rules of nft, in scripts.
#
# Guess: a rule that it can't translate ends with an exit code other than 0.
# Seen: iptables-translate 1.8.9 prints the rule as a comment and ends with 0. It can't translate an ICMP type with a code, which nft has
# words for. ebtables-translate of the same version ends with 1 in such cases.
# Source: iptables-translate(8).
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb iptables=1.8.9-2 libxtables12=1.8.9-2 libip4tc2=1.8.9-2 libip6tc2=1.8.9-2
export XTABLES_LIBDIR=$LD_LIBRARY_PATH/xtables

translate() {
    local status=0
    unshare -rn env PATH="$PATH" LD_LIBRARY_PATH="$LD_LIBRARY_PATH" XTABLES_LIBDIR="$XTABLES_LIBDIR" "$@" 2>/dev/null || status=$?
    echo "-> $status"
}
expect "fragmentation needed" "$(translate iptables-translate -A FORWARD -p icmp --icmp-type 3/4 -j ACCEPT)" \
    "nft # -A FORWARD -p icmp --icmp-type 3/4 -j ACCEPT 
-> 0"
expect "destination unreachable with any code" "$(translate iptables-translate -A FORWARD -p icmp --icmp-type 3 -j ACCEPT)" \
    "nft 'add rule ip filter FORWARD icmp type destination-unreachable counter accept'
-> 0"
expect "ebtables-translate" "$(translate ebtables-translate -A FORWARD -p ARP --arp-ip-src 10.0.0.1 -j DROP | tail -n 1)" "-> 1"
finish
