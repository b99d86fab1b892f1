#!/usr/bin/env bash
# ip -j prints interfaces as JSON, and takes words that select some of them.
#
# Guess: an interface that is not selected is not in the array.
# Seen: ip of iproute2 6.1.0 has an empty object for it. A script that reads ["ifname"] of each fails, and one that counts counts too many.
# Source: ip-address(8), "up"; ip(8), -json.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb iproute2=6.1.0-3

# In a network namespace of its own: both ends of a cable are down there.
unshare -rn env PATH="$PATH" LD_LIBRARY_PATH="$LD_LIBRARY_PATH" bash -c '
ip link add near type veth peer name far
ip link set lo up
ip -j addr show up | python3 -c "import json, sys; print([i.get(\"ifname\") for i in json.load(sys.stdin)])"' >seen
expect "names of the interfaces that are up" "$(cat seen)" "['lo', None, None]"
finish
