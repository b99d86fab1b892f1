#!/usr/bin/env bash
# The same tcpdump filter on the wire, and later on the file that was captured.
#
# Guess: it selects the same frames.
# Seen: on the wire Linux takes the outermost VLAN tag off before the filter of tcpdump 4.99.3 with libpcap 1.10.3 looks. "udp port 53" takes
# tagged queries too. The file has the tags in the frames again: the filter that made it leaves a part of it out. "ether proto 0x8100" finds
# all tagged frames in a file, and only doubly tagged ones on the wire.
# Source: Linux, skb_vlan_untag; libpcap, gencode.c: only "vlan" looks at the tag that was taken off. pcap-filter(7) doesn't mention it.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb tcpdump=4.99.3-1 libpcap0.8=1.10.3-1

cat >frames.py <<'PYTHON'
from capture import *
plain = datagram()
tag = bytes.fromhex("81000005")
frames = {"plain": plain, "tagged": plain[:12] + tag + plain[12:], "twice": plain[:12] + tag + tag + plain[12:]}
PYTHON

cat >steps.sh <<'STEPS'
ip link add near type veth peer name far
ip link set near up
ip link set far up
names() { python3 -c 'import frames, sys; print(*[n for _, _, f in frames.records(sys.argv[1]) for n in frames.frames if frames.frames[n] == f])' "$1"; }
run() {
    tcpdump --immediate-mode -U -i far -w "$1" "${@:2}" 2>messages &
    until grep -qs listening messages; do sleep 0.05; done
    python3 -c '
import frames, socket
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
    raw.bind(("near", 0))
    for frame in frames.frames.values():
        raw.send(frame)'
    sleep 0.3
    kill $!
    wait $! || true
}
run all.pcap udp or vlan
for filter in "udp port 53" "ether proto 0x8100"; do
    run live.pcap $filter
    tcpdump -r all.pcap -w file.pcap "$filter" 2>/dev/null
    echo "$filter: on the wire $(names live.pcap); from the file $(names file.pcap)"
done
STEPS

expect "frames that a filter selects" "$(unshare -n bash steps.sh)" \
    "udp port 53: on the wire plain tagged; from the file plain
ether proto 0x8100: on the wire twice; from the file tagged twice"
finish
