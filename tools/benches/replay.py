"""Recorded frames a second, what pairing the copies of two ports' captures costs, and instructions for each frame; needs no root."""

import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from .commands import ROOT, Failure, run
from .words import in_turn

# One rule in ten decides, the last.
RULES = "table bridge filter {\n    chain forward {\n        type filter hook forward priority 0; policy drop;\n" + "".join(
    f"        udp dport {port} counter accept\n" for port in (53, 67, 69, 123, 137, 161, 500, 514, 1900, 9)) + "    }\n}\n"
CONNECTIONS = 1_000
NEAR, FAR = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"
# Frames a second with --summary, and how much longer the capture of two ports may take.
RATE_AIM, PAIRING_AIM = 5_000_000, 1.15
# Of the two lengths by whose difference instructions are counted: what starting costs falls out.
COUNTED = (20_000, 60_000)
EXAMPLES = ("pass-all", "subnet-web-dns", "stateful-edge", "services-by-prefix")


def words(data):
    return sum(struct.unpack(f">{len(data) // 2}H", data))


def checksum(data):
    total = words(data)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def datagrams():
    """One frame of 60 bytes for each connection, from the near host to port 9 of the far one."""
    for number in range(CONNECTIONS):
        source = b"\x0a\x4d" + struct.pack(">H", number)
        header = struct.pack(">BBHHHBBH", 0x45, 0, 46, 0, 0, 64, 17, 0) + source + b"\x0a\x4d\xff\2"
        header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
        payload = struct.pack(">HHHH", 4000 + number, 9, 26, 0) + b"x" * 18
        pseudo = header[12:20] + struct.pack(">HH", 17, 26)
        payload = payload[:6] + struct.pack(">H", checksum(pseudo + payload)) + payload[8:]
        yield FAR + NEAR + b"\x08\0" + header + payload


def write_pcap(path, frames, count):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262_144, 1))
        for first in range(0, count, CONNECTIONS):
            file.write(b"".join(
                struct.pack("<IIII", 1_700_000_000 + place // 100_000, place % 100_000 * 10_000, len(frame), len(frame)) + frame
                for place, frame in enumerate(frames, first)))


def block(kind, body):
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def write_pcapng(path, frames, count, second):
    """As dumpcap writes two interfaces that it reads in turn: of each hundred first those of one, then those of the other. Each frame comes
    by the first interface, and leaves 20 µs later by the second, whose name is given."""
    def interface(name):
        name = name.encode()
        padded = name + bytes(-len(name) % 4)
        return block(1, struct.pack("<HHI", 1, 0, 0) + struct.pack("<HH", 2, len(name)) + padded + struct.pack("<HHBxxxHH", 9, 1, 9, 0, 0))

    def packet(number, frame, place):
        time_ = 1_700_000_000_000_000_000 + place * 10_000 + number * 20_000
        return block(6, struct.pack("<IIIII", number, time_ >> 32, time_ & 0xffffffff, len(frame), len(frame)) + frame + bytes(-len(frame) % 4))

    with open(path, "wb") as file:
        file.write(block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)) + interface("eth1") + interface(second))
        for first in range(0, count, 100):
            part = [(frames[place % CONNECTIONS], place) for place in range(first, first + 100)]
            for number in (0, 1):
                file.write(b"".join(packet(number, frame, place) for frame, place in part))


def weir():
    return os.environ.get("WEIR_BINARY", f"{ROOT}/.build/release/weir")


def timed(command):
    """Seconds of processor time, and what it printed."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output = process.stdout.read()
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Failure(f"{' '.join(command)}: {errors.decode().strip()}")
    return usage.ru_utime + usage.ru_stime, output.decode()


def judged(output):
    return int(re.search(r"; (\d+) judged", output).group(1))


def replay(options):
    if options.instructions:
        return instructions(options)
    frames = list(datagrams())
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as directory:
        rules = f"{directory}/rules.nft"
        with open(rules, "w") as file:
            file.write(RULES)
        captures = {name: f"{directory}/{name}" for name in ("plain.pcap", "other.pcapng", "both.pcapng")}
        write_pcap(captures["plain.pcap"], frames, options.frames)
        # The same bytes and as many frames to judge, but those of the second interface are no port's.
        write_pcapng(captures["other.pcapng"], frames, options.frames, "eth9")
        write_pcapng(captures["both.pcapng"], frames, options.frames, "eth2")
        common = [weir(), "replay", "--rules", rules, "--ports", "eth1,eth2"]
        commands = {
            "summary": [*common, "--summary", "--ingress", "eth1", captures["plain.pcap"]],
            "a line each": [*common, "--ingress", "eth1", captures["plain.pcap"]],
            "one port of two": [*common, "--summary", captures["other.pcapng"]],
            "both ports, paired": [*common, "--summary", captures["both.pcapng"]],
        }
        samples = {name: [] for name in commands}
        for number in range(options.rounds):
            for name in in_turn(number, list(commands)):
                seconds, output = timed(commands[name])
                if judged(output) != options.frames:
                    raise Failure(f"{name}: {judged(output)} of {options.frames} frames were judged")
                samples[name].append(seconds)
                print(f"round {number + 1}: {name}: {seconds:.2f} s", file=sys.stderr)
    # A machine that does other things meanwhile only adds to it.
    best = {name: min(values) for name, values in samples.items()}
    rates = {name: options.frames / seconds for name, seconds in best.items()}
    pairing = best["both ports, paired"] / best["one port of two"]
    if options.json:
        print(json.dumps({"frames": options.frames, "rounds": options.rounds, "seconds": samples, "perSecond": rates, "pairing": pairing}))
        return None
    print(f"{options.frames:,} frames of 60 bytes, ten rules, the fastest of {options.rounds}")
    for name, rate in rates.items():
        print(f"{name:20}{rate:>12,.0f} frames judged a second")
    met = rates["summary"] >= RATE_AIM
    print(f"with --summary: aim {RATE_AIM:,}: {'met' if met else 'MISSED'}")
    print(f"pairing and order: {pairing:.2f} of the time without; aim: at most {PAIRING_AIM:.2f}: "
          f"{'met' if pairing <= PAIRING_AIM else 'MISSED'}")
    return None


def counted(command):
    text = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command], capture_output=True, text=True, check=False)
    found = re.search(r"Collected : (\d+)", text.stderr)
    if text.returncode != 0 or not found:
        raise Failure(f"{' '.join(command)}: {text.stderr.strip()[-400:]}")
    return int(found.group(1))


def instructions(options):
    """By callgrind, of a copy without symbols, which it reads faster: the difference between two lengths. Load changes nothing in it."""
    if not shutil.which("valgrind"):
        raise Failure("valgrind is not installed")
    frames = list(datagrams())
    results = {}
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as directory:
        binary = f"{directory}/weir"
        run(["strip", "-o", binary, weir()], 60)
        captures = [f"{directory}/{count}.pcap" for count in COUNTED]
        for count, capture in zip(COUNTED, captures):
            write_pcap(capture, frames, count)
        for example in EXAMPLES:
            command = [binary, "replay", "--rules", f"{ROOT}/rules/{example}.nft", "--ports", "eth1,eth2", "--ingress", "eth1", "--summary"]
            few, many = (counted([*command, capture]) for capture in captures)
            results[example] = (many - few) / (COUNTED[1] - COUNTED[0])
            print(f"{example}: {results[example]:,.1f}", file=sys.stderr)
    if options.json:
        print(json.dumps({"instructions": results}))
        return
    print("instructions for a frame of 60 bytes")
    for example, count in results.items():
        print(f"{example:24}{count:>10,.1f}")


def add_to(benches):
    parser = benches.add_parser(
        "replay", help="recorded frames a second, with the copies of two ports paired and without; needs no root")
    parser.add_argument("--frames", type=int, default=1_000_000, help="of the captures, by the thousand (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="of which the fastest counts (default: %(default)s)")
    parser.add_argument("--instructions", action="store_true", help="instead: instructions for each frame by the example rules (valgrind)")
    parser.add_argument("--json", action="store_true", help="one object instead of a table")
    parser.set_defaults(function=replay)
