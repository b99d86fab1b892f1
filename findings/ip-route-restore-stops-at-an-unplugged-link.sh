#!/usr/bin/env bash
# "ip route save" writes routes to a file, and "ip route restore" puts them back.
#
# Guess: restore passes over a route that can't be put back, or the file doesn't have it.
# Seen: iproute2 6.1.0 saves the kernel's flag that a link has no carrier, which the kernel (6.18.44) refuses in a new route, and restore ends
# there. With one cable unplugged when routes were saved, the default route over another one is not put back, whatever is plugged in later.
# Source: ip-route(8), "save", "restore"; Linux, net/ipv4/fib_semantics.c, fib_create_info (RTNH_F_LINKDOWN).
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb iproute2=6.1.0-3

cat >steps.sh <<'STEPS'
for name in wan lan; do
    ip link add $name type veth peer name $name-far
    ip link set $name up
done
ip link set wan-far up
ip addr add 10.1.0.1/24 dev wan
ip addr add 10.2.0.1/24 dev lan
ip route add default via 10.1.0.2
ip route save >routes
# Everything is plugged in again.
ip link set lan-far up
ip route flush table main
ip route restore <routes 2>/dev/null
echo "restore: $?, routes: $(ip route | cut -d ' ' -f 1 | paste -s -d ' ')"
STEPS

expect "routes by wan and lan, and a default route" "$(unshare -n bash steps.sh)" "restore: 2, routes: 10.1.0.0/24"
finish
