"""Sends UDP of many flows out of an interface as fast as it can, or counts what comes to one; run in a host's namespace.

usage: burst.py send near0|far0 FIRST COUNT SECONDS    frames of the flows FIRST ..< FIRST + COUNT, again and again; once for 0 seconds
       burst.py count INTERFACE                        until nothing has come for half a second: frames, and seconds from first to last
"""

import ctypes
import json
import os
import socket
import struct
import sys
import time

NEAR, FAR = bytes.fromhex("027700000001"), bytes.fromhex("027700000002")
BATCH = 64
LENGTH = 60


def frame(flow, is_near):
    """Flows of 1,000 to a source address, to a port of the far host; frames of the far host are their answers."""
    source, port = 0x0A4D0100 + flow // 1000, 20_000 + flow % 1000
    ends = [(source, port), (0x0A4D0002, 9)]
    (source, source_port), (destination, destination_port) = ends if is_near else ends[::-1]
    header = bytearray(struct.pack("!BBHHHBBHII", 0x45, 0, LENGTH - 14, 0, 0, 64, 17, 0, source, destination))
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    header[10:12] = struct.pack("!H", 0xFFFF ^ ((total & 0xFFFF) + (total >> 16)))
    addresses = FAR + NEAR if is_near else NEAR + FAR
    # Without a checksum, which UDP allows.
    udp = struct.pack("!HHHH", source_port, destination_port, LENGTH - 34, 0)
    return addresses + b"\x08\x00" + bytes(header) + udp + bytes(LENGTH - 42)


def send(interface, first, count, seconds):
    bytes_ = ctypes.create_string_buffer(b"".join(frame(flow, interface == "near0") for flow in range(first, first + count)))
    base = ctypes.addressof(bytes_)
    vectors = ctypes.create_string_buffer(
        b"".join(struct.pack("PN", base + number * LENGTH, LENGTH) for number in range(count)))
    # struct mmsghdr with an address in `msg_iov` and nothing else.
    messages = ctypes.create_string_buffer(
        b"".join(struct.pack("PIxxxxPNPNixxxxIxxxx", 0, 0, ctypes.addressof(vectors) + 16 * number, 1, 0, 0, 0, 0)
                 for number in range(count)))
    sendmmsg = ctypes.CDLL(None, use_errno=True).sendmmsg
    sendmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]
    start = ctypes.addressof(messages)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as port:
        port.bind((interface, 0))
        print("ready", flush=True)
        sys.stdin.readline()
        end = time.monotonic() + seconds
        while True:
            number = 0
            while number < count:
                sent = sendmmsg(port.fileno(), start + 64 * number, min(BATCH, count - number), 0)
                if sent < 0:
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
                number += sent
            if time.monotonic() >= end:
                return


def count(interface):
    with open(f"/sys/class/net/{interface}/statistics/rx_packets", "rb", buffering=0) as file:
        def read():
            file.seek(0)
            return int(file.read(32))

        before = latest = read()
        print("ready", flush=True)
        first = last = None
        while last is None or time.monotonic() < last + 0.5:
            time.sleep(0.002)
            now = read()
            if now != latest:
                # Stray frames are no burst.
                if first is None and now - latest > 16:
                    first, before = time.monotonic(), now
                latest, last = now, time.monotonic()
            elif last is None:
                continue
        print(json.dumps({"frames": latest - before, "seconds": last - first if first else 0}))


if sys.argv[1] == "send":
    send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
else:
    count(sys.argv[2])
