"""Frames and TCP through rule sets of any size, beside a Linux bridge with nft."""

import gzip
import ipaddress
import json
import os
import re
import statistics
import sys

from .commands import ROOT
from .lab import Lab
from .plot import plot
from .words import figure, in_turn, laboratory

SETS = ("acl1", "fw1", "ipc1")
SIZES = (0, 10, 1_000, 10_000)
MEASURES = {"frames": (Lab.frames, "60-byte UDP frames", "1/s"), "tcp": (Lab.tcp, "TCP, one stream", "Mbit/s")}
# At 10,000 rules: of Weir's own rate without any, and of the bridge's frames.
OWN_AIM, BRIDGE_AIM = 0.8, 30

LINE = re.compile(r"@(\S+)\s+(\S+)\s+(\d+) : (\d+)\s+(\d+) : (\d+)\s+0x([0-9a-fA-F]+)/0x([0-9a-fA-F]+)")
HOSTS = [ipaddress.ip_address("10.77.0.1"), ipaddress.ip_address("10.77.0.2")]


class Rule:
    """A line of a filter set of ClassBench's: the five fields."""

    def __init__(self, line):
        source, destination, *ports, protocol, mask = LINE.match(line).groups()
        self.networks = [ipaddress.ip_network(text, strict=False) for text in (source, destination)]
        self.ports = [tuple(map(int, ports[:2])), tuple(map(int, ports[2:]))]
        self.protocol = int(protocol, 16) if int(mask, 16) else None

    def may_match_the_lab(self):
        """By its addresses alone, in either direction."""
        return any(
            all(host in network for host, network in zip(hosts, self.networks)) for hosts in (HOSTS, HOSTS[::-1]))

    def __str__(self):
        words = [f"ip {name} {network}" for name, network in zip(("saddr", "daddr"), self.networks) if network.prefixlen]
        if self.protocol is not None:
            words.append(f"meta l4proto {self.protocol}")
        for name, (low, high) in zip(("sport", "dport"), self.ports):
            if (low, high) != (0, 65535):
                words.append(f"th {name} {low}" + (f"-{high}" if high > low else ""))
        return " ".join([*words, "drop"])


def rule_file(name, size):
    """As nft reads it, and the number of its rules: spread over the set, all of them `drop`, and behind them one that accepts, which is
    what the lab's frames come to. Those that name no addresses, or the lab's, are left out, for they would end the way early."""
    path = f"{ROOT}/Tests/ClassBench/Sets/{name}_{'1k' if size <= 1_000 else '10k'}"
    with (open(path) if os.path.exists(path) else gzip.open(path + ".gz", "rt")) as file:
        rules = [rule for rule in map(Rule, filter(LINE.match, file)) if not rule.may_match_the_lab()]
    count = max(0, min(size, len(rules)))
    chosen = [str(rules[number * len(rules) // count]) for number in range(count)]
    return "\n".join(
        ["table bridge filter {", "chain forward {", "type filter hook forward priority 0; policy drop;", *chosen, "accept", "}", "}", ""]
    ), count


def rules(options):
    files = {size: rule_file(options.set, size) for size in options.sizes}
    samples = {(size, middle, key): [] for size in files for middle in ("weir", "bridge") for key in MEASURES}
    for number in range(options.rounds):
        for size, (text, _) in files.items():
            for middle in in_turn(number, ["weir", "bridge"]):
                # Without rules neither has a table.
                with Lab(middle, options.workers, rules=text if size else None) as lab:
                    for key, (method, title, unit) in MEASURES.items():
                        value = method(lab, options.seconds)
                        samples[size, middle, key].append(value)
                        print(f"round {number + 1}, {size:,} rules: {middle:6} {title}: {figure(value)} {unit}", file=sys.stderr)
    rows = []
    for size, (_, count) in files.items():
        row = {"size": size, "rules": count}
        for key in MEASURES:
            row[key] = {middle: statistics.median(samples[size, middle, key]) for middle in ("weir", "bridge")}
        rows.append(row)
    if options.svg:
        draw(options, rows)
    if options.json:
        print(json.dumps({"set": options.set, "rounds": options.rounds, "seconds": options.seconds, "workers": options.workers,
                          "results": rows}))
        return
    print(f"{options.set + ', medians of ' + str(options.rounds):24}"
          + "".join(f"{title + ', ' + unit:^40}" for _, title, unit in MEASURES.values()))
    print(f"{'rules':>24}" + f"{'Weir':>13}{'bridge':>13}{'Weir : bridge':>14}" * len(MEASURES))
    for row in rows:
        print(f"{row['rules']:>24,}" + "".join(
            f"{figure(row[key]['weir']):>13}{figure(row[key]['bridge']):>13}{row[key]['weir'] / row[key]['bridge']:>14.1f}"
            for key in MEASURES))
    judge(rows)


def judge(rows):
    none, many = ([row for row in rows if row["size"] == size] for size in (0, 10_000))
    if not none or not many:
        return
    own = many[0]["frames"]["weir"] / none[0]["frames"]["weir"]
    bridge = many[0]["frames"]["weir"] / many[0]["frames"]["bridge"]
    met = own >= OWN_AIM and bridge >= BRIDGE_AIM
    print(f"frames at 10,000 rules: {own:.2f} of Weir's own without rules (aim: {OWN_AIM}), {bridge:.0f} times the bridge's "
          f"(aim: {BRIDGE_AIM}): {'met' if met else 'MISSED'}")


def draw(options, rows):
    text = plot(
        f"60-byte frames a second through rules of ClassBench's {options.set}", "rules", [f"{row['rules']:,}" for row in rows],
        {"Weir": [row["frames"]["weir"] for row in rows], "Linux bridge with nft": [row["frames"]["bridge"] for row in rows]})
    with open(options.svg, "w") as file:
        file.write(text)


def add_to(benches):
    parser = benches.add_parser(
        "rules", help="frames and TCP at 0 to 10,000 rules, beside a Linux bridge with nft",
        description="Frames and TCP through rules of ClassBench's, none of which matches them: they come to the last, which accepts.")
    laboratory(parser)
    parser.add_argument("--set", choices=SETS, default="acl1", help="of ClassBench's (default: acl1)")
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="numbers of rules (default: 0 10 1000 10000)")
    parser.add_argument("--svg", metavar="FILE", help="where to draw frames a second by number of rules, on a logarithmic scale")
    parser.set_defaults(function=rules)
