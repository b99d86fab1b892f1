#!/usr/bin/env bash
# "bridge fdb show dynamic" tells which MAC addresses a bridge has learnt.
#
# Guess: it leaves out the entries that someone added: permanent and static ones.
# Seen: bridge of iproute2 6.1.0 leaves out permanent entries only. One that was added as static, which never ages, is listed with the learnt
# ones; a check for unknown machines, or a count, takes it for a machine that has spoken.
# Source: bridge(8): "dynamic is a dynamic reachable age-able fdb entry"; bridge/fdb.c, print_fdb.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb iproute2=6.1.0-3

cat >steps.sh <<'STEPS'
ip link add br0 type bridge
ip link add near type veth peer name far
ip link set far address 02:00:00:00:00:09
ip link set near master br0
for name in br0 near far; do ip link set $name up; done
bridge fdb add 02:00:00:00:00:05 dev near master static
python3 -c '
import socket
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
    raw.bind(("far", 0))
    raw.send(bytes.fromhex("020000000001" "020000000009" "88b5") + bytes(46))'
sleep 0.2
bridge fdb show br br0 dynamic | cut -d ' ' -f 1,6- | sed 's, *$,,' | sort
STEPS

expect "dynamic entries" "$(unshare -n bash steps.sh)" "02:00:00:00:00:05 static
02:00:00:00:00:09"
finish
