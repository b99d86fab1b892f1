"""New connections and established ones, beside a Linux bridge with br_netfilter and conntrack; and the flow table alone."""

import json
import statistics
import subprocess
import sys
import time

from .commands import ROOT, Failure, built, run
from .lab import Lab
from .words import figure, in_turn, laboratory

CHAIN = """table {family} filter {{
    chain forward {{
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        ct state new,untracked accept
    }}
}}
"""
BURST = f"{ROOT}/tools/benches/burst.py"
# Fewer than either table has room for: 262,144.
NEW_FLOWS = 200_000
ESTABLISHED_FLOWS = 1_000
AIM = 1.5


class Flood:
    """A generator in a host's namespace that is ready to send."""

    def __init__(self, lab, host, first, count, seconds=0):
        self.process = subprocess.Popen(
            lab.command(host, "python3", BURST, "send", f"{host}0", str(first), str(count), str(seconds)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise Failure("the generator of flows does not start")

    def start(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def finish(self):
        if self.process.wait(60) != 0:
            raise Failure("the generator of flows has failed")


def new_connections(lab, _):
    """New flows a second: each frame begins one, and each that comes out at the far end was let into the table."""
    flood = Flood(lab, "near", 0, NEW_FLOWS)
    with subprocess.Popen(
            lab.command("far", "timeout", "60", "python3", BURST, "count", "far0"), stdout=subprocess.PIPE, text=True) as counter:
        counter.stdout.readline()
        flood.start()
        flood.finish()
        result = json.loads(counter.stdout.readline())
    if not result["seconds"]:
        raise Failure("no flow came through")
    return result["frames"] / result["seconds"]


def established(lab, seconds):
    """Frames a second in flows that have had answers."""
    for host in ("near", "far"):
        # Slowly enough that none is lost.
        for first in range(NEW_FLOWS, NEW_FLOWS + ESTABLISHED_FLOWS, 250):
            flood = Flood(lab, host, first, 250)
            flood.start()
            flood.finish()
            time.sleep(0.02)
    flood = Flood(lab, "near", NEW_FLOWS, ESTABLISHED_FLOWS, seconds + 1)
    flood.start()
    time.sleep(0.5)
    before, start = lab.frames_received(), time.monotonic()
    time.sleep(seconds)
    after, end = lab.frames_received(), time.monotonic()
    flood.finish()
    return (after - before) / (end - start)


MEASURES = {
    "new": (new_connections, f"new UDP flows, {NEW_FLOWS:,} of them"),
    "established": (established, f"60-byte frames in {ESTABLISHED_FLOWS:,} established flows"),
}


def flows(options):
    lookups = table(options)
    samples = {(key, middle): [] for key in MEASURES for middle in ("weir", "conntrack")}
    for number in range(options.rounds):
        for middle in in_turn(number, ["weir", "conntrack"]):
            with Lab(middle, options.workers, rules=CHAIN.format(family="bridge" if middle == "weir" else "inet")) as lab:
                # Neither host's stack must be what is measured, nor answer.
                lab.is_a_sink("near")
                lab.is_a_sink("far")
                for key, (method, title) in MEASURES.items():
                    value = method(lab, options.seconds)
                    samples[key, middle].append(value)
                    print(f"round {number + 1}: {middle:9} {title}: {figure(value)} 1/s", file=sys.stderr)
    rows = []
    for key, (_, title) in MEASURES.items():
        weir, bridge = (statistics.median(samples[key, middle]) for middle in ("weir", "conntrack"))
        rows.append({"measure": key, "title": title, "weir": weir, "bridge": bridge, "ratio": weir / bridge, "met": weir / bridge >= AIM})
    if options.json:
        print(json.dumps({"rounds": options.rounds, "seconds": options.seconds, "workers": options.workers, "results": rows,
                          "table": lookups}))
        return
    print(f"{'a second, medians of ' + str(options.rounds):46}{'Weir':>12}{'conntrack':>12}{'Weir : bridge':>15}  aim")
    for row in rows:
        print(f"{row['title']:46}{figure(row['weir']):>12}{figure(row['bridge']):>12}{row['ratio']:>15.2f}"
              f"  >= {AIM} {'met' if row['met'] else 'MISSED'}")
    for row in lookups:
        print(f"the table alone, {row['flows']:,} flows: {row['known']:.0f} ns a packet of a known flow, {row['new']:.0f} ns one that begins a flow")


def table(options):
    """Nanoseconds a packet in the flow table, without the lab."""
    binary = built("flows-bench", "FlowsBench")
    return [json.loads(run([binary, str(size)], 120)) for size in options.sizes]


def add_to(benches):
    parser = benches.add_parser(
        "flows", help="new connections and frames in established ones, beside a Linux bridge with conntrack; and the table alone",
        description="UDP flows between hosts that answer nothing, so that neither end's stack is what is measured.")
    laboratory(parser)
    parser.add_argument("--sizes", nargs="+", type=int, default=(1_000, 200_000), help="flows in the table alone (default: 1000 200000)")
    parser.set_defaults(function=flows)
