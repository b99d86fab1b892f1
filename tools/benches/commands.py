"""Running programs, and building those that a bench measures."""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


class Failure(Exception):
    """Why there is no result."""


def run(command, limit=20):
    """The output of a command that has to succeed within `limit` seconds."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    if result.returncode != 0:
        raise Failure(f"{' '.join(command)}: {result.stderr.strip() or result.stdout.strip()}")
    return result.stdout


def built(package, program):
    """The path of a program of a tool's own package under `tools`, which is built first.

    Build plans are not kept: Swift makes no new plan when files come or go in the package that a tool measures.
    """
    scratch = f"{ROOT}/.build-bench/{package}"
    subprocess.run(
        ["swift", "build", "-c", "release", "--disable-build-manifest-caching", "--package-path", f"{ROOT}/tools/{package}",
         "--scratch-path", scratch],
        check=True, stdout=sys.stderr)
    return f"{scratch}/release/{program}"
