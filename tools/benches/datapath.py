"""Throughput, frame rate, latency and memory, beside a Linux bridge."""

import json
import statistics
import sys

from .lab import Lab
from .words import figure, laboratory


class Measure:
    """A row of the table: what is measured, and what it should be against the bridge."""

    def __init__(self, key, title, unit, method, ratio=None, difference=None):
        self.key, self.title, self.unit, self.method = key, title, unit, method
        self.ratio, self.difference = ratio, difference

    def compare(self, weir, bridge):
        """Weir against the bridge as text, the aim as text, and whether it is met."""
        if self.ratio is not None:
            ratio = weir / bridge
            return f"{ratio:.2f}", f">= {self.ratio:.2f}", ratio >= self.ratio
        difference = weir - bridge
        return f"{difference:+.3f}", f"<= +{self.difference:.2f}", difference <= self.difference


DATAPATH = [
    Measure("tcp", "TCP, offloads on", "Mbit/s", Lab.tcp, ratio=0.75),
    Measure("tcpWithoutOffloads", "TCP, tso gso gro off", "Mbit/s", Lab.tcp_without_offloads, ratio=0.65),
    Measure("frames", "60-byte UDP frames", "1/s", Lab.frames, ratio=1.4),
    Measure("ping", "ping, mean of 500", "ms", Lab.ping, difference=0.08),
]
MEMORY_STEADY = 1024  # KiB



def datapath(options):
    samples = {measure.key: {"weir": [], "bridge": []} for measure in DATAPATH}
    for number in range(options.rounds):
        # Who goes first changes, so that a machine that slows down slows both.
        middles = ["weir", "bridge"] if number % 2 == 0 else ["bridge", "weir"]
        for middle in middles:
            with Lab(middle, options.workers) as lab:
                for measure in DATAPATH:
                    value = measure.method(lab, options.seconds)
                    samples[measure.key][middle].append(value)
                    print(f"round {number + 1}: {middle:6} {measure.title}: {figure(value)} {measure.unit}", file=sys.stderr)
    with Lab("weir", options.workers) as lab:
        growth = lab.memory_growth()

    results = []
    for measure in DATAPATH:
        weir, bridge = (statistics.median(samples[measure.key][middle]) for middle in ("weir", "bridge"))
        against, aim, met = measure.compare(weir, bridge)
        results.append(
            {"measure": measure.key, "title": measure.title, "unit": measure.unit, "weir": weir, "bridge": bridge,
             "against": against, "aim": aim, "met": met, "samples": samples[measure.key]})
    steady = {"measure": "memory", "title": "memory over a million frames", "unit": "KiB", "growth": growth,
              "aim": f"< {MEMORY_STEADY}", "met": growth < MEMORY_STEADY}
    if options.json:
        print(json.dumps({"rounds": options.rounds, "seconds": options.seconds, "workers": options.workers,
                          "results": [*results, steady]}))
        return
    print(f"{'medians of ' + str(options.rounds):32}{'Weir':>12}{'bridge':>12}  {'unit':8}{'Weir : bridge':>14}  aim")
    for row in results:
        print(f"{row['title']:32}{figure(row['weir']):>12}{figure(row['bridge']):>12}  {row['unit']:8}{row['against']:>14}"
              f"  {row['aim']:9} {'met' if row['met'] else 'MISSED'}")
    print(f"{steady['title']:32}{growth:>+12,}{'':12}  {'KiB':8}{'':14}  {steady['aim']:9} {'met' if steady['met'] else 'MISSED'}")


def add_to(benches):
    parser = benches.add_parser("datapath", help="throughput, frame rate, latency and memory, beside a Linux bridge")
    laboratory(parser)
    parser.set_defaults(function=datapath)
