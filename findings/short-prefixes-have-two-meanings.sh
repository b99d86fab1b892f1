#!/usr/bin/env bash
# RFC 1918 writes its prefixes as 10/8 and 192.168/16, and so do lists that are older than some of the tools that read them.
#
# Guess: every tool takes the missing bytes at the end for 0, or refuses the prefix.
# Seen: iptables 1.8.9 and ip of iproute2 6.1.0 do. ipset 7.17, iprange 1.0.4 and nft 1.0.6 read 192.168/16 and 10/8 as inet_aton reads
# addresses, with the last byte at the end (192.0.0.168), and cut the rest off: 192.0.0.0/16 and 0.0.0.0/8. All end with 0 and without a word.
# Source: RFC 1918, section 3; inet_aton(3), which takes the last part of "a.b" for the rest of the address.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb iptables=1.8.9-2 libxtables12=1.8.9-2 libip4tc2=1.8.9-2 libip6tc2=1.8.9-2 nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 \
    ipset=7.17-1 libipset13=7.17-1 iprange=1.0.4+ds-2 iproute2=6.1.0-3
export XTABLES_LIBDIR=$LD_LIBRARY_PATH/xtables

cat >steps.sh <<'STEPS'
iptables-nft -A INPUT -s 192.168/16
echo "iptables: $(iptables-nft -S INPUT | sed -n 's/.*-s //p')"
ip route add blackhole 192.168/16
echo "ip: $(ip route | sed 's/blackhole //; s/ *$//')"
ipset create list hash:net
ipset add list 192.168/16
echo "ipset: $(ipset save list | sed -n 's/^add list //p')"
echo "iprange: $(echo 192.168/16 | iprange)"
nft 'add table t; add chain t c; add rule t c ip saddr 10/8'
echo "nft, 10/8: $(nft list chain t c | sed -n 's/.*saddr //p')"
STEPS

expect "192.168/16" "$(unshare -rn env PATH="$PATH" LD_LIBRARY_PATH="$LD_LIBRARY_PATH" XTABLES_LIBDIR="$XTABLES_LIBDIR" bash steps.sh)" \
    "iptables: 192.168.0.0/16
ip: 192.168.0.0/16
ipset: 192.0.0.0/16
iprange: 192.0.0.0/16
nft, 10/8: 0.0.0.0/8"
finish
