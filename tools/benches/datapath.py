"""Throughput, frame rate, latency and memory, beside a Linux bridge and the least that a forwarder on such sockets can do."""

import json
import statistics
import sys

from .carried import carried
from .lab import Lab
from .tunnels import tunnels
from .words import figure, in_turn, laboratory


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
MIDDLES = ["weir", "bridge", "forwarder"]


def datapath(options):
    if options.tunnels:
        tunnels(options)
        return
    if options.stateful:
        carried(options)
        return
    samples = {measure.key: {middle: [] for middle in MIDDLES} for measure in DATAPATH}
    for number in range(options.rounds):
        for middle in in_turn(number, MIDDLES):
            with Lab(middle, options.workers) as lab:
                for measure in DATAPATH:
                    value = measure.method(lab, options.seconds)
                    samples[measure.key][middle].append(value)
                    print(f"round {number + 1}: {middle:9} {measure.title}: {figure(value)} {measure.unit}", file=sys.stderr)
    with Lab("weir", options.workers) as lab:
        growth = lab.memory_growth()

    results = []
    for measure in DATAPATH:
        weir, bridge, forwarder = (statistics.median(samples[measure.key][middle]) for middle in MIDDLES)
        against, aim, met = measure.compare(weir, bridge)
        results.append(
            {"measure": measure.key, "title": measure.title, "unit": measure.unit, "weir": weir, "bridge": bridge,
             "forwarder": forwarder, "against": against, "aim": aim, "met": met, "samples": samples[measure.key]})
    steady = {"measure": "memory", "title": "memory over a million frames", "unit": "KiB", "growth": growth,
              "aim": f"< {MEMORY_STEADY}", "met": growth < MEMORY_STEADY}
    if options.json:
        print(json.dumps({"rounds": options.rounds, "seconds": options.seconds, "workers": options.workers,
                          "results": [*results, steady]}))
        return
    print(f"{'medians of ' + str(options.rounds):32}{'Weir':>12}{'bridge':>12}{'forwarder':>12}  {'unit':8}{'Weir : bridge':>14}  aim")
    for row in results:
        print(f"{row['title']:32}{figure(row['weir']):>12}{figure(row['bridge']):>12}"
              f"{figure(row['forwarder']):>12}  {row['unit']:8}{row['against']:>14}"
              f"  {row['aim']:9} {'met' if row['met'] else 'MISSED'}")
    print(f"{steady['title']:32}{growth:>+12,}{'':24}  {'KiB':8}{'':14}  {steady['aim']:9} {'met' if steady['met'] else 'MISSED'}")


def add_to(benches):
    parser = benches.add_parser("datapath", help="throughput, frame rate, latency and memory, beside a Linux bridge and a forwarder in C")
    laboratory(parser)
    parser.add_argument("--tunnels", action="store_true", help="instead: TCP in VXLAN and SRv6, BIG TCP, and GRO on and off, beside a bridge")
    parser.add_argument("--stateful", action="store_true", help="instead: connections, with --fast-path and without, beside bridges and a wire")
    parser.add_argument("--rules", type=int, default=1, help="of services, with --stateful (default: 1)")
    parser.set_defaults(function=datapath)
