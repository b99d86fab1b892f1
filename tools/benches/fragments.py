"""Fragmented UDP in all modes of Weir, beside a Linux bridge with and without conntrack."""

import json
import statistics
import sys
import time

from .lab import Lab
from .words import laboratory

RATES = {"500M": "500 Mbit/s", "1G": "1 Gbit/s", "0": "as much as can be"}
FRAGMENT_MIDDLES = {
    "Weir, reassemble": ("weir", ("--fragments", "reassemble")),
    "Weir, track": ("weir", ("--fragments", "track")),
    "bridge, conntrack": ("conntrack", ()),
    "bridge": ("bridge", ()),
}


def fragments(options):
    samples = {(name, rate): [] for name in FRAGMENT_MIDDLES for rate in RATES}
    memory = {}
    for number in range(options.rounds):
        names = list(FRAGMENT_MIDDLES)
        # Who goes first changes.
        for name in names[number % len(names):] + names[:number % len(names)]:
            middle, words = FRAGMENT_MIDDLES[name]
            with Lab(middle, options.workers, words) as lab:
                for rate in RATES:
                    sample = lab.fragmented(options.seconds, rate)
                    samples[name, rate].append(sample)
                    print(f"round {number + 1}: {name}, {RATES[rate]}: {sample[0]:,.0f} Mbit/s, {sample[1]:.1f} % lost", file=sys.stderr)
                if middle == "weir":
                    memory[name] = lab.resident_memory()
    with Lab("weir", options.workers, ("--fragments", "drop")) as lab:
        memory["Weir, drop"] = lab.resident_memory()
        # What it drops it is offered like all others.
        dropped = dropped_fragments(lab, options.seconds)
    rows = [
        {"middle": name, "offered": RATES[rate], "megabits": statistics.median(value[0] for value in values),
         "lost": statistics.median(value[1] for value in values), "samples": values}
        for (name, rate), values in samples.items()]
    if options.json:
        print(json.dumps({"rounds": options.rounds, "seconds": options.seconds, "workers": options.workers, "results": rows,
                          "residentKiB": memory, "droppedPerSecond": dropped}))
        return
    print(f"{'UDP of 8,000 bytes, medians of ' + str(options.rounds):40}{'offered':20}{'Mbit/s':>8}{'fragments/s':>14}{'lost':>9}")
    for row in rows:
        # Five of 1,514 bytes and one of 642.
        frames = row["megabits"] * 1e6 / 8 / (5 * 1514 + 642) * 6
        print(f"{row['middle']:40}{row['offered']:20}{row['megabits']:>8,.0f}{frames:>14,.0f}{row['lost']:>8.1f}%")
    print(f"{'Weir, drop':40}{'as much as can be':20}{0:>8}{dropped:>14,.0f} dropped")
    for name, size in memory.items():
        print(f"{name:40}resident {size:,} KiB")


def dropped_fragments(lab, seconds):
    """Fragments a second that Weir takes off the wire when it lets none through."""
    before, start = lab.frames_at_weir(), time.monotonic()
    sender = subprocess.Popen(lab.command(
        "near", "timeout", str(seconds), "python3", "-c",
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nwhile 1: s.sendto(bytes(8000), ('10.77.0.2', 9))"))
    sender.wait()
    return (lab.frames_at_weir() - before) / (time.monotonic() - start)


def add_to(benches):
    parser = benches.add_parser("fragments", help="fragmented UDP in all modes, beside a Linux bridge with and without conntrack")
    laboratory(parser)
    parser.set_defaults(function=fragments)
