"""TCP in tunnels, BIG TCP and receive offload, beside a Linux bridge and, where nothing is a super-frame, a plain forwarder."""

import json
import statistics
import sys

from .lab import ROOT, Lab
from .words import figure, in_turn

LIMITS = f"{ROOT}/Tests/LabTests/Support/limits.py"
BIG = 180_000
LEGACY = 65_536
MERGE = "echo 1 > threaded && echo 50000 > gro_flush_timeout && echo 2 > napi_defer_hard_irqs"
MIDDLES = ["weir", "bridge"]
# What the C forwarder carries too, which shows what packet sockets give without Weir.
SEGMENTED = ["withoutOffloads", "vxlanSegments"]


def add_tunnels(lab):
    """VXLAN over IPv4 and SRv6 between the hosts."""
    for place, own, other in (("near", 1, 2), ("far", 2, 1)):
        interface = f"{place}0"
        for command in (
                f"ip link add vx0 type vxlan id 42 local 10.77.0.{own} remote 10.77.0.{other} dstport 4789",
                f"ip address add 10.88.0.{own}/24 dev vx0",
                "ip link set vx0 up",
                f"sysctl -qw net.ipv6.conf.all.seg6_enabled=1 net.ipv6.conf.{interface}.seg6_enabled=1 net.ipv6.conf.all.forwarding=1",
                f"ip address add fd99::{own}/128 dev lo",
                f"ip -6 route add fd77:a{own}::1/128 encap seg6local action End.DT6 table 255 dev {interface}",
                f"ip -6 route add fd77:a{other}::/64 via fd77::{other} dev {interface}",
                f"ip -6 route add fd99::{other}/128 encap seg6 mode encap segs fd77:a{other}::1 dev {interface} mtu 1400 src fd99::{own}"):
            lab.inside(place, *command.split())


def limit(lab, size):
    """How large super-frames all four interfaces send and merge."""
    for place, interface in (("near", "near0"), ("far", "far0"), ("fw", "eth1"), ("fw", "eth2")):
        lab.inside(
            place, "python3", LIMITS, interface,
            *(f"{name}={size}" for name in ("gso_max_size", "gro_max_size", "gso_ipv4_max_size", "gro_ipv4_max_size")))


def features(*words):
    """Measures with features of the sender's interface off."""
    def method(address):
        def measure(lab, seconds):
            settings = [[word, state] for state in ("off", "on") for word in words]
            lab.inside("near", "ethtool", "-K", "near0", *(text for pair in settings[:len(words)] for text in pair))
            try:
                return lab.tcp(seconds, address)
            finally:
                lab.inside("near", "ethtool", "-K", "near0", *(text for pair in settings[len(words):] for text in pair))
        return measure
    return method


def to(address):
    return lambda lab, seconds: lab.tcp(seconds, address)


def big(address):
    def measure(lab, seconds):
        limit(lab, BIG)
        try:
            return lab.tcp(seconds, address)
        finally:
            limit(lab, LEGACY)
    return measure


def merge(lab):
    """Has GRO at the port merge as on a network card, which hands over batches; a veth does so if its NAPI waits."""
    lab.inside("fw", "ethtool", "-K", "eth1", "gro", "on")
    lab.inside("fw", "sh", "-c", f"cd /sys/class/net/eth1 && {MERGE}")


def merged(lab, seconds):
    """A sender without TSO, whose segments the port merges."""
    merge(lab)
    return features("tso")("10.77.0.2")(lab, seconds)


# Key, title, how, what Weir is held to, and the least ratio.
MEASURES = [
    ("plain", "TCP, offloads on", to("10.77.0.2"), "bridge", None),
    ("withoutOffloads", "TCP, tso gso gro off", Lab.tcp_without_offloads, "bridge", None),
    ("vxlan", "TCP in VXLAN, offloads on", to("10.88.0.2"), "bridge", 0.5),
    ("vxlanSegments", "TCP in VXLAN, no tunnel segmentation", features("tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation")(
        "10.88.0.2"), "withoutOffloads", 0.8),
    ("srv6", "TCP in SRv6, offloads on", to("fd99::2"), "bridge", 0.5),
    ("bigTCP4", "BIG TCP over IPv4", big("10.77.0.2"), "bridge", 0.8),
    ("bigTCP6", "BIG TCP over IPv6", big("fd77::2"), "bridge", 0.8),
    ("merged", "TCP, merged by GRO at the port", merged, "bridge", None),
]


def tunnels(options):
    samples = {key: {middle: [] for middle in MIDDLES + ["forwarder"] * (key in SEGMENTED)} for key, *_ in MEASURES}
    unmerged = []
    for number in range(options.rounds):
        for middle in in_turn(number, [*MIDDLES, "forwarder"]):
            with Lab(middle, options.workers) as lab:
                for port in ("eth1", "eth2"):
                    lab.inside("fw", "ethtool", "-K", port, "gro", "on")
                add_tunnels(lab)
                for key, title, method, *_ in MEASURES:
                    if middle not in samples[key]:
                        continue
                    value = method(lab, options.seconds)
                    samples[key][middle].append(value)
                    print(f"round {number + 1}: {middle:9} {title}: {figure(value)} Mbit/s", file=sys.stderr)
        # The port would merge, if Weir didn't switch GRO off.
        with Lab("weir", options.workers, options=("--gro", "off"), prepare=merge) as lab:
            unmerged.append(features("tso")("10.77.0.2")(lab, options.seconds))
            print(f"round {number + 1}: weir      the same with --gro off: {figure(unmerged[-1])} Mbit/s", file=sys.stderr)

    medians = {key: {middle: statistics.median(values) for middle, values in of_key.items()} for key, of_key in samples.items()}
    results = []
    for key, title, _, against, aim in MEASURES:
        weir = medians[key]["weir"]
        other = medians[key]["bridge"] if against == "bridge" else medians[against]["weir"]
        results.append(
            {"measure": key, "title": title, "unit": "Mbit/s", **medians[key], "against": against,
             "ratio": weir / other, "aim": aim, "met": aim is None or weir / other >= aim, "samples": samples[key]})
    results.append({"measure": "groOff", "title": "the same, --gro off", "unit": "Mbit/s", "weir": statistics.median(unmerged),
                    "samples": {"weir": unmerged}})
    if options.json:
        print(json.dumps({"rounds": options.rounds, "seconds": options.seconds, "workers": options.workers, "results": results}))
        return
    print(f"{'Mbit/s, medians of ' + str(options.rounds):40}{'Weir':>10}{'bridge':>10}{'ratio':>8}  aim")
    for row in results:
        bridge = figure(row["bridge"]) if "bridge" in row else ""
        ratio = f"{row['ratio']:.2f}" if "ratio" in row else ""
        aim = ""
        if row.get("aim"):
            what = "the bridge" if row["against"] == "bridge" else "Weir's TCP without offloads"
            aim = f">= {row['aim']} x {what} {'met' if row['met'] else 'MISSED'}"
        print(f"{row['title']:40}{figure(row['weir']):>10}{bridge:>10}{ratio:>8}  {aim}")
    plain, tunnel = (medians[key]["forwarder"] for key in SEGMENTED)
    print(f"C forwarder: {figure(plain)} without offloads, {figure(tunnel)} in VXLAN without tunnel segmentation, ratio {tunnel / plain:.2f}")
