"""Sends good and hostile fragments into the lab's wire, in a sequence that its seed decides.

usage: soak.py INTERFACE SECONDS SEED

At the end it says {"good": n, "hostile": n}: frames of datagrams that a receiver would put together, and all others. No two datagrams
share a key; every hostile one breaks a rule of its own.
"""

import json
import random
import socket
import struct
import sys
import time

MACS = bytes.fromhex("027700000002" "027700000001")
RATE = 8000  # frames a second: what the slowest test machine takes


class Datagram:
    """What its fragments have in common."""

    def __init__(self, generator, number):
        self.is_ipv6 = generator.random() < 0.5
        self.tag = generator.choice((None, None, 5))
        self.source = 1 + number % 200
        self.identification = number // 200

    def fragment(self, offset, payload, more, congestion=0):
        if self.is_ipv6:
            kind = b"\x86\xdd"
            addresses = bytes.fromhex("fd77") + bytes(13) + bytes([self.source]) + bytes.fromhex("fd77") + bytes(13) + b"\x02"
            header = struct.pack("!IHBB", 6 << 28 | congestion << 20, 8 + len(payload), 44, 64) + addresses
            header += struct.pack("!BBHI", 253, 0, offset | more, self.identification)
        else:
            kind = b"\x08\0"
            header = struct.pack(
                "!BBHHHBBH4B4B", 0x45, congestion, 20 + len(payload), self.identification & 0xFFFF, more << 13 | offset >> 3, 64, 253, 0,
                10, 77, 0, self.source, 10, 77, 0, 2)
        tag = b"" if self.tag is None else struct.pack("!HH", 0x8100, self.tag)
        return MACS + tag + kind + header + payload


def cut(generator, datagram, congestion=0):
    """All fragments of a datagram, in any order."""
    payload = generator.randbytes(generator.randrange(200, 6000))
    step = 8 * generator.randrange(max(2, len(payload) // 8 // 40), 175)
    starts = range(0, len(payload), step)
    frames = [
        datagram.fragment(start, payload[start:start + step], int(start + step < len(payload)), congestion) for start in starts]
    if len(frames) > 1 and generator.random() < 0.5:
        generator.shuffle(frames)
    return frames


def hostile(generator, datagram):
    data = generator.randbytes(1400)
    match generator.randrange(7):
        case 0:  # never whole
            return [datagram.fragment(8 * generator.randrange(1, 1000), data[:8 * generator.randrange(1, 175)], 1)]
        case 1:  # an overlap, the first not among them
            return [datagram.fragment(64, data[:64], 1), datagram.fragment(generator.choice((56, 64, 120)), data[64:128], 1)]
        case 2:  # two ends
            return [datagram.fragment(640, data[:64], 0), datagram.fragment(64, data[:64], 0)]
        case 3:  # no multiple of 8, and nothing at all
            return [datagram.fragment(64, data[:61], 1), datagram.fragment(64, b"", 1)]
        case 4:  # too long
            return [datagram.fragment(65528, data[:80], 0)]
        case 5:  # marked as of an ECN-capable transport, and not
            return [datagram.fragment(64, data[:64], 1, 2), datagram.fragment(128, data[:64], 1, 0)]
        case _:  # many small ones
            return [datagram.fragment(16 * place, data[:8], 1) for place in range(1, 40)]


def main():
    interface, seconds, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    generator = random.Random(seed)
    outlet = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    outlet.bind((interface, 0))
    start = time.monotonic()
    counts = {"good": 0, "hostile": 0}
    sent = 0
    # Datagrams under way, whose fragments come between each other's.
    open_ones = []
    number = seed * 1_000_000
    while (now := time.monotonic()) < start + seconds or open_ones:
        if now < start + seconds and len(open_ones) < 8:
            number += 1
            datagram = Datagram(generator, number)
            if generator.random() < 0.6:
                frames, key = cut(generator, datagram), "good"
            else:
                frames, key = hostile(generator, datagram), "hostile"
            counts[key] += len(frames)
            open_ones.append(frames)
            continue
        frames = generator.choice(open_ones)
        outlet.send(frames.pop(0))
        if not frames:
            open_ones.remove(frames)
        sent += 1
        ahead = sent / RATE - (now - start)
        if ahead > 0.002:
            time.sleep(ahead)
    print(json.dumps(counts))


main()
