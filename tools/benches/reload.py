"""A reload of a large set while frames pass: how long frames wait, and what the process takes at its height."""

import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import time

from .commands import ROOT, Failure
from .lab import Lab
from .words import laboratory

# Milliseconds that a reload may add to the longest round trip, and how many times what stays the process may take at its height.
LATENCY_AIM, MEMORY_AIM = 1.0, 2.0
INTERVAL = 0.002


def rule_file(count, seed):
    """A set of so many random addresses, none of them the lab's."""
    source = random.Random(seed)
    addresses = source.sample(range(0x0B000000, 0xDF000000), count)
    text = ", ".join(f"{a >> 24}.{a >> 16 & 255}.{a >> 8 & 255}.{a & 255}" for a in addresses)
    return (f"table bridge t {{\nset s {{\ntype ipv4_addr\nelements = {{ {text} }}\n}}\n"
            "chain c {\ntype filter hook forward priority 0; policy accept;\nip saddr @s drop\n}\n}\n")


def status(lab, name):
    """A line of the process' status, in KiB."""
    with open(f"/proc/{lab.process.pid}/status") as file:
        return int(re.search(rf"{name}:\s+(\d+)", file.read()).group(1))


def forget_peak(lab):
    with open(f"/proc/{lab.process.pid}/clear_refs", "w") as file:
        file.write("5")


class Pings:
    """Round trips of one ping every two milliseconds, in ms."""

    def __init__(self, lab):
        self.process = subprocess.Popen(
            lab.command("near", "nice", "-n", "-20", "ping", "-n", "-i", str(INTERVAL), "10.77.0.2"), stdout=subprocess.PIPE, text=True)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        text = self.process.communicate(timeout=10)[0]
        times = sorted(float(number) for number in re.findall(r"time=([\d.]+) ms", text))
        sent, received = map(int, re.search(r"(\d+) packets transmitted, (\d+) received", text).groups())
        return {"longest": times[-1], "p999": times[int(len(times) * 0.999)], "lost": sent - received, "pings": len(times)}


def during(lab, seconds, work):
    """Round trips while `work` is done, with half a second before and after it."""
    pings = Pings(lab)
    try:
        time.sleep(0.5)
        work()
        time.sleep(max(0.5, seconds))
    finally:
        found = pings.stop()
    return found


def reload(lab, text):
    """New rules, until they are in force."""
    log, path = f"{lab.directory.name}/log", f"{lab.directory.name}/rules.nft"
    with open(path, "w") as file:
        file.write(text)
    with open(log) as file:
        before = file.read().count("new rules are in force")
    lab.process.send_signal(signal.SIGHUP)
    for _ in range(3000):
        with open(log) as file:
            if file.read().count("new rules are in force") > before:
                return
        time.sleep(0.01)
    raise Failure("the new rules don't come into force")


def beside(lab, text):
    """The same reading and compiling in another process, which has nothing to do with the run."""
    binary = os.environ.get("WEIR_BINARY", f"{ROOT}/.build/release/weir")
    subprocess.run([binary, "check", lab.written("other.nft", text)], check=True, stdout=subprocess.DEVNULL, timeout=60)


def reloads(options):
    texts = [rule_file(options.elements, seed) for seed in (1, 2)]
    rows = []
    for number in range(options.rounds):
        with Lab("weir", options.workers, rules=texts[0]) as lab:
            row = {"idle": during(lab, options.seconds, lambda: None)}
            row["beside"] = during(lab, 0, lambda: beside(lab, texts[1]))
            forget_peak(lab)
            row["before"] = status(lab, "VmRSS")
            row["reload"] = during(lab, 0, lambda: reload(lab, texts[1]))
            row["peak"], row["after"] = status(lab, "VmHWM"), status(lab, "VmRSS")
        print(f"round {number + 1}: {row}", file=sys.stderr)
        rows.append(row)
    if options.json:
        print(json.dumps({"elements": options.elements, "rounds": rows}))
        return
    print(f"{options.elements:,} addresses, medians of {options.rounds}")
    titles = {"idle": "no reload", "beside": "weir check of the same file beside the run", "reload": "a reload"}
    medians = {key: statistics.median(row[key]["longest"] for row in rows) for key in titles}
    for key, title in titles.items():
        p999 = statistics.median(row[key]["p999"] for row in rows)
        lost = sum(row[key]["lost"] for row in rows)
        print(f"{title:>44}: longest round trip {medians[key]:.2f} ms, 99.9th percentile {p999:.2f} ms, {lost} lost")
    added = medians["reload"] - medians["idle"]
    peak = statistics.median(row["peak"] / row["after"] for row in rows)
    sizes = [statistics.median(row[key] for row in rows) / 1024 for key in ("before", "peak", "after")]
    print("resident: {:.0f} MB before, {:.0f} MB at its height, {:.0f} MB after".format(*sizes))
    met = added <= LATENCY_AIM and peak <= MEMORY_AIM
    print(f"a reload adds {added:.2f} ms (aim: {LATENCY_AIM}), and takes {peak:.2f} times what stays (aim: {MEMORY_AIM}): "
          f"{'met' if met else 'MISSED'}")


def add_to(benches):
    parser = benches.add_parser(
        "reload", help="a reload of a large set while frames pass: round trips, and memory at its height",
        description="Pings through Weir while nothing else happens, while another process reads the same rules, and while they are "
                    "reloaded. The second tells what is the machine's, which has another program to run, from what is the reload's.")
    laboratory(parser)
    parser.add_argument("--elements", type=int, default=1_000_000, help="addresses in the set (default: 1000000)")
    parser.set_defaults(function=reloads)
