#!/usr/bin/env bash
# ebtables compares the whole TOS octet (--ip-tos) and IPv6's traffic class (--ip6-tclass).
#
# Guess: ebtables-translate shifts it by the two bits of ECN: TOS 0x10 is DSCP 0x04, and class 0x20 is DSCP 0x08.
# Seen: ebtables-translate 1.8.9 writes the octet's low six bits as the DSCP, and says nothing. The rules match other packets: TOS 0xb8, which
# is DSCP 0x2e (expedited forwarding), becomes DSCP 0x38 (CS7).
# Source: RFC 2474, section 3 (DS field); ebtables-nft(8), --ip-tos.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb iptables=1.8.9-2 libxtables12=1.8.9-2 libip4tc2=1.8.9-2 libip6tc2=1.8.9-2
export XTABLES_LIBDIR=$LD_LIBRARY_PATH/xtables

translate() {
    unshare -rn env PATH="$PATH" LD_LIBRARY_PATH="$LD_LIBRARY_PATH" XTABLES_LIBDIR="$XTABLES_LIBDIR" ebtables-translate -A FORWARD "$@"
}
expect "TOS 0x10" "$(translate -p IPv4 --ip-tos 0x10 -j DROP)" "nft 'add rule bridge filter FORWARD ip dscp 0x10 counter drop'"
expect "TOS 0xb8" "$(translate -p IPv4 --ip-tos 0xb8 -j DROP)" "nft 'add rule bridge filter FORWARD ip dscp 0x38 counter drop'"
expect "traffic class 0x20" "$(translate -p IPv6 --ip6-tclass 0x20 -j DROP)" "nft 'add rule bridge filter FORWARD ip6 dscp 0x20 counter drop'"
finish
