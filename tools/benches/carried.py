"""What the fast path gives: established traffic under rules that follow connections, beside Weir without it, bridges and a plain wire."""

import json
import statistics
import sys

from .lab import Lab
from .measures import TRAFGEN
from .tunnels import add_tunnels
from .words import figure, in_turn

MIDDLES = ["off", "fast", "bridge", "conntrack", "wire"]
TITLES = {"off": "Weir, off", "fast": "Weir, carried", "bridge": "bridge", "conntrack": "bridge, ct", "wire": "tc wire"}


def rules(count):
    """Established connections first, then services, of which the last one is used."""
    ports = "\n".join(f"        ct state new tcp dport {20_000 + number} accept" for number in range(count - 1))
    body = f"""        ct state established,related accept
{ports}
        ct state new accept
"""
    return (
        "table bridge filter {\n    chain forward {\n        type filter hook forward priority 0; policy drop;\n"
        "        meta protocol arp accept\n        meta l4proto ipv6-icmp accept\n" + body + "    }\n}\n",
        "table inet filter {\n    chain forward {\n        type filter hook forward priority 0; policy drop;\n" + body + "    }\n}\n")


class CarriedLab(Lab):
    """One of the candidates between the two hosts, which have a VXLAN besides."""

    def __init__(self, candidate, options):
        weir, bridge = rules(options.rules)
        middle = {"off": "weir", "fast": "weir"}.get(candidate, candidate)
        arguments = {"off": ["--fast-path", "off"], "fast": ["--fast-path", "require"]}.get(candidate, [])
        super().__init__(middle, options.workers, arguments, rules=weir if middle == "weir" else bridge if middle == "conntrack" else None,
                         prepare=add_tunnels)

    def processor_seconds(self):
        with open("/proc/stat") as file:
            fields = [int(number) for number in file.readline().split()[1:9]]
        return (sum(fields) - fields[3] - fields[4]) / 100

    def many_flows(self, seconds):
        flows = TRAFGEN.replace("sp=4000", "sp=dinc(4000, 4063)")
        original = self.written
        self.written = lambda path, text: original(path, flows if path == "frames.trafgen" else text)
        try:
            return self.frames(seconds)
        finally:
            self.written = original

    def cost(self, seconds):
        """Processor seconds of the whole box for a gigabyte of TCP without offloads: hosts, middle and whatever else runs."""
        before = self.processor_seconds()
        megabits = self.tcp_without_offloads(seconds)
        return (self.processor_seconds() - before) / (megabits * seconds / 8e3)


MEASURES = [
    ("tcp", "TCP, offloads on", "Mbit/s", CarriedLab.tcp),
    ("tcpWithoutOffloads", "TCP, tso gso gro off", "Mbit/s", CarriedLab.tcp_without_offloads),
    ("frames", "60-byte UDP frames, 64 flows", "1/s", CarriedLab.many_flows),
    ("cost", "processor time, offloads off", "s/GB", CarriedLab.cost),
    ("vxlan", "TCP in VXLAN", "Mbit/s", lambda lab, seconds: lab.tcp(seconds, "10.88.0.2")),
    ("ping", "ping, mean of 500", "ms", CarriedLab.ping),
]


def carried(options):
    samples = {key: {candidate: [] for candidate in MIDDLES} for key, *_ in MEASURES}
    for number in range(options.rounds):
        for candidate in in_turn(number, MIDDLES):
            with CarriedLab(candidate, options) as lab:
                for key, title, unit, method in MEASURES:
                    value = method(lab, options.seconds)
                    samples[key][candidate].append(value)
                    print(f"round {number + 1}: {candidate:9} {title}: {figure(value)} {unit}", file=sys.stderr)
    medians = {key: {candidate: statistics.median(values) for candidate, values in row.items()} for key, row in samples.items()}
    if options.json:
        print(json.dumps({"rounds": options.rounds, "seconds": options.seconds, "rules": options.rules, "medians": medians,
                          "samples": samples}))
        return
    print(f"{'medians of ' + str(options.rounds) + ', ' + str(options.rules) + ' rules':32}"
          + "".join(f"{TITLES[candidate]:>15}" for candidate in MIDDLES) + "  unit")
    for key, title, unit, _ in MEASURES:
        print(f"{title:32}" + "".join(f"{figure(medians[key][candidate]):>15}" for candidate in MIDDLES) + f"  {unit}")
