"""TCP through Weir beside a storm of frames that it rejects, or drops: what answers cost those who are let through."""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys

from .lab import Lab
from .measures import TRAFGEN
from .words import laboratory

RULES = """table bridge filter {{
    chain forward {{
        type filter hook forward priority 0; policy accept;
        udp dport 9 counter {verdict}
    }}
}}
"""
# A storm with another verdict, or none.
STORMS = {"quiet": None, "drop": "drop", "reject": "reject"}


@contextlib.contextmanager
def storm(lab, rate):
    """Datagrams from the near host to port 9, at that rate."""
    file = os.path.join(lab.directory.name, "storm.trafgen")
    with open(file, "w") as config:
        config.write(TRAFGEN)
    sender = subprocess.Popen(
        lab.command("near", "trafgen", "--dev", "near0", "--conf", file, "--cpus", "1", "--no-sock-mem", "--rate", f"{rate}pps"),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        # It doesn't end by SIGTERM while it waits for its turn to send.
        sender.send_signal(signal.SIGINT)
        try:
            sender.wait(3)
        except subprocess.TimeoutExpired:
            sender.kill()
            sender.wait()


def answers(options):
    samples = {name: [] for name in STORMS}
    for number in range(options.rounds):
        names = list(STORMS)
        # Who goes first changes.
        for name in names[number % len(names):] + names[:number % len(names)]:
            verdict = STORMS[name]
            with Lab("weir", options.workers, (), RULES.format(verdict=verdict or "drop")) as lab:
                with storm(lab, options.rate) if verdict else contextlib.nullcontext():
                    megabits = lab.tcp(options.seconds)
            samples[name].append(megabits)
            print(f"round {number + 1}: {name}: {megabits:,.0f} Mbit/s", file=sys.stderr)
    medians = {name: statistics.median(values) for name, values in samples.items()}
    if options.json:
        print(json.dumps({"rounds": options.rounds, "seconds": options.seconds, "workers": options.workers, "rate": options.rate,
                          "megabits": medians, "samples": samples}))
        return
    print(f"TCP beside {options.rate:,} frames a second, medians of {options.rounds}")
    for name, megabits in medians.items():
        print(f"{name:10}{megabits:>10,.0f} Mbit/s{megabits / medians['drop']:>8.2f} of that beside dropped frames")


def add_to(benches):
    parser = benches.add_parser("answers", help="TCP beside a storm of frames that Weir rejects, or drops")
    laboratory(parser)
    parser.add_argument("--rate", type=int, default=20_000, help="frames of the storm in a second (default: %(default)s)")
    parser.set_defaults(function=answers)
