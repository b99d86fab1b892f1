#!/usr/bin/env bash
# A rule against ARP from one vendor's network cards: --source-mac with a mask of the first three bytes.
#
# Guess: arptables-save writes the address with its mask.
# Seen: arptables-nft 1.8.9 loads the rule as it should, and lists and saves it without the address, if the mask ends at a byte. After
# arptables-restore the machine drops all ARP, and so nobody reaches it. A mask that ends within a byte is kept.
# Source: arptables-nft(8), --source-mac "[!] address[/mask]".
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb iptables=1.8.9-2 libxtables12=1.8.9-2 libip4tc2=1.8.9-2 libip6tc2=1.8.9-2 nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2
export XTABLES_LIBDIR=$LD_LIBRARY_PATH/xtables

cat >steps.sh <<'STEPS'
rule() { nft list ruleset | sed -n 's/.*arp plen 4 //p' | sed 's/ packets 0 bytes 0//'; }
for mask in ff:ff:ff:00:00:00 ff:ff:f0:00:00:00; do
    arptables-nft -F INPUT
    arptables-nft -A INPUT --source-mac 00:11:20:00:00:00/$mask -j DROP
    echo "loaded: $(rule)"
    arptables-nft-save >saved
    grep -e -A saved
    arptables-nft-restore <saved
    echo "restored: $(rule)"
done
STEPS

expect "two rules" \
    "$(unshare -rn env PATH="$PATH" LD_LIBRARY_PATH="$LD_LIBRARY_PATH" XTABLES_LIBDIR="$XTABLES_LIBDIR" bash steps.sh)" \
    "loaded: arp saddr ether 00:11:20:00:00:00/24 counter drop
-A INPUT -j DROP
restored: counter drop
loaded: arp saddr ether & ff:ff:f0:00:00:00 == 00:11:20:00:00:00 counter drop
-A INPUT -j DROP --src-mac 00:11:20:00:00:00/ff:ff:f0:00:00:00
restored: arp saddr ether & ff:ff:f0:00:00:00 == 00:11:20:00:00:00 counter drop"
finish
