"""Lookups in sets and maps, without the lab."""

import subprocess

from .commands import Failure, built


def sets(options):
    """Lookups in sets of all kinds and sizes, in a program with one rule; without the lab, and without root."""
    words = [str(options.largest)] + (["--json"] if options.json else [])
    if subprocess.run([built("sets-bench", "SetsBench"), *words], check=False).returncode != 0:
        raise Failure("SetsBench failed")


def add_to(benches):
    parser = benches.add_parser("sets", help="lookups in sets and maps of 10 to 1,000,000 elements, and what they take; needs no root")
    parser.add_argument("--largest", type=int, default=1_000_000, help="elements of the largest set (default: 1000000)")
    parser.add_argument("--json", action="store_true", help="an array instead of a table")
    parser.set_defaults(function=sets)
