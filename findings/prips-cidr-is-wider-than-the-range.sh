#!/usr/bin/env bash
# prips prints the addresses of a range; with -c it prints the range in CIDR notation.
#
# Guess: -c prints the prefixes that the range consists of.
# Seen: prips 1.2.0 prints one prefix that has the range in it. A list for a firewall that is made of a range of two addresses has 512.
# Source: prips(1), -c: "Print the range in CIDR notation".
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb prips=1.2.0-1

expect "a range of two addresses" "$(prips 10.0.0.255 10.0.1.0)" "10.0.0.255
10.0.1.0"
expect "the same range in CIDR notation" "$(prips -c 10.0.0.255 10.0.1.0)" "10.0.0.0/23"
expect "how many addresses that is" "$(prips "$(prips -c 10.0.0.255 10.0.1.0)" | wc -l)" 512
finish
