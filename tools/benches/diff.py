"""Two large rule sets that differ in a few rules: how long `weir diff` takes to say where, without the lab."""

import json
import random
import re
import subprocess
import tempfile
import time

from .commands import Failure
from .replay import weir
from .rules import SETS, rule_file

# Seconds for 10,000 rules and ten edits.
AIM = 5


def edited(text, edits, seed):
    """The file after as many edits: rules that go, that come again elsewhere, or that get the other verdict."""
    source = random.Random(seed)
    lines = text.split("\n")
    rules = [index for index, line in enumerate(lines) if line.startswith(("ip ", "meta ", "th "))]
    for index in sorted(source.sample(rules, edits), reverse=True):
        kind = source.randrange(3)
        line = lines[index]
        if kind == 0:
            del lines[index]
        elif kind == 1:
            lines.insert(source.choice(rules), line)
        else:
            lines[index] = re.sub("(accept|drop)$", lambda found: "drop" if found[0] == "accept" else "accept", line)
    return "\n".join(lines)


def mixed(text, seed):
    """With `accept` for half of the rules, so that their order matters."""
    source = random.Random(seed)
    return "\n".join(re.sub("drop$", source.choice(("accept", "drop")), line) if line.startswith(("ip ", "meta ", "th ")) else line
                     for line in text.split("\n"))


def diff(options):
    """ClassBench's sets against copies with some edits."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as directory:
        for name in options.sets:
            text, count = rule_file(name, options.rules)
            old, new = f"{directory}/old.nft", f"{directory}/new.nft"
            text = mixed(text, options.seed)
            for path, content in ((old, text), (new, edited(text, options.edits, options.seed))):
                with open(path, "w") as file:
                    file.write(content)
            start = time.monotonic()
            result = subprocess.run([weir(), "diff", "--json", old, new], capture_output=True, text=True, timeout=600, check=False)
            seconds = time.monotonic() - start
            if result.returncode not in (0, 1):
                raise Failure(result.stderr.strip()[-500:])
            found = json.loads(result.stdout)
            rows.append({"set": name, "rules": count, "edits": options.edits, "seconds": seconds, "regions": len(found["regions"])})
    if options.json:
        print(json.dumps({"results": rows}))
        return
    for row in rows:
        print(f"{row['set']:6}{row['rules']:>8,} rules, {row['edits']} edits: {row['seconds']:.1f} s, {row['regions']:,} regions; aim: under "
              f"{AIM} s: {'met' if row['seconds'] < AIM else 'MISSED'}")


def add_to(benches):
    parser = benches.add_parser("diff", help="seconds to compare two large rule files that differ in a few rules; needs no root")
    parser.add_argument("sets", nargs="*", default=list(SETS), help="of ClassBench's (default: all)")
    parser.add_argument("--rules", type=int, default=10_000, help="of each file (default: 10,000)")
    parser.add_argument("--edits", type=int, default=10, help="of the second file (default: 10)")
    parser.add_argument("--seed", type=int, default=1, help="of the edits")
    parser.add_argument("--json", action="store_true", help="one object instead of a line for each set")
    parser.set_defaults(function=diff)
