"""Nanoseconds a header at any number of rules, without the lab."""

import gzip
import json
import subprocess
import sys
import tempfile

from .commands import ROOT, built, run

SETS = ("acl1", "fw1", "ipc1")
SIZES = (10, 100, 1_000, 10_000, 100_000)
# At 10,000 rules, in nanoseconds; and what 10,000 rules may cost of what 10 cost.
MEAN_AIM, PERCENTILE_AIM, GROWTH_AIM = 150, 500, 3


def classify(options):
    """ClassBench's sets; 100,000 rules are ten copies of the 10,000 in other places (ClassBenchRule.multiplied)."""
    binary = built("classify-bench", "ClassifyBench")
    rows = []
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as directory:
        acl = build_acl(directory)
        for name in options.sets:
            texts = {}
            for length in ("1k", "10k"):
                texts[length] = f"{directory}/{name}_{length}"
                source = f"{ROOT}/Tests/ClassBench/Sets/{name}_{length}"
                with gzip.open(f"{source}.gz") if length == "10k" else open(source, "rb") as packed, open(texts[length], "wb") as text:
                    text.write(packed.read())
            for size in options.sizes:
                text = texts["1k" if size == 1_000 else "10k"]
                headers = f"{directory}/headers"
                row = json.loads(run([binary, text, str(size), "index", headers], 300))
                row["scan"] = json.loads(run([binary, text, str(size), "scan"], 300)) if options.scan else None
                row["acl"] = json.loads(run([acl, text, str(size), headers], 300)) if acl else None
                row |= {"set": name, "size": size}
                rows.append(row)
                print(f"{name}, {size:,}: {row['mean']:.0f} ns", file=sys.stderr)
    if options.json:
        print(json.dumps({"results": rows}))
        return
    print(f"{'':6}{'rules':>8}{'mean':>8}{'99.9 %':>8}{'compile':>10}{'memory':>10}{'steps':>7}{'scan':>11}{'scan 99.9 %':>13}"
          f"{'librte_acl':>12}{'99.9 %':>8}{'in 32s':>8}")
    for row in rows:
        scan, other = row["scan"], row["acl"] or {}
        print(f"{row['set']:6}{row['rules']:>8,}{row['mean']:>5.0f} ns{row['p999']:>5} ns{row['compileSeconds']:>8.3f} s"
              f"{row['programKiB'] / 1024:>6.0f} MiB{row['worstSteps'] or '':>7}"
              + (f"{scan['mean']:>8,.0f} ns{scan['p999']:>10,} ns" if scan else " " * 24)
              + (f"{other['mean']:>9.0f} ns{other['p999']:>5} ns{other['burst']:>5.0f} ns" if "mean" in other else "  can't" if other else ""))
    for name in options.sets:
        small, large = ([row for row in rows if row["set"] == name and row["size"] == size] for size in (10, 10_000))
        if not small or not large:
            continue
        large, growth = large[0], large[0]["mean"] / small[0]["mean"]
        met = large["mean"] < MEAN_AIM and large["p999"] < PERCENTILE_AIM and growth <= GROWTH_AIM
        print(f"{name}: {large['mean']:.0f} ns and {large['p999']} ns at 10,000 rules, {growth:.1f} times 10 rules; aim: under {MEAN_AIM}, "
              f"under {PERCENTILE_AIM}, {GROWTH_AIM} times at the most: {'met' if met else 'MISSED'}")


def build_acl(directory):
    """DPDK's classifier, for comparison; None where the package libdpdk-dev isn't there."""
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libdpdk"], capture_output=True, text=True, check=False)
    if flags.returncode != 0:
        print("without librte_acl beside it: the package libdpdk-dev is not installed", file=sys.stderr)
        return None
    binary = f"{directory}/acl"
    run(["cc", "-O2", "-march=native", f"{ROOT}/tools/classify-bench/acl.c", "-o", binary, *flags.stdout.split()], 60)
    return binary


def add_to(benches):
    parser = benches.add_parser(
        "classify", help="nanoseconds a header at 10 to 100,000 rules, beside the plain scan and DPDK's librte_acl; needs no root")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS, help="of ClassBench's (default: all)")
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="numbers of rules (default: 10 to 100,000)")
    parser.add_argument("--no-scan", dest="scan", action="store_false", help="leave out the plain scan, which takes its time")
    parser.add_argument("--json", action="store_true", help="one object instead of a table")
    parser.set_defaults(function=classify)
