"""Takes the guard's program off a port's ingress again and again, and counts which of a sender's numbered datagrams the host heard.

usage: tcxstorm.py attack PORT ADDRESS SECONDS     in the firewall's namespace; prints a JSON object
       tcxstorm.py send ADDRESS SECONDS            a datagram each 5 ms
"""

import json
import os
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tcx

INTERVAL = 0.005
PAUSE = 0.02
UDP_PORT = 4242


def send(address, seconds):
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    begin = time.monotonic()
    number = 0
    while time.monotonic() < begin + float(seconds):
        sender.sendto(struct.pack("<I", number), (address, UDP_PORT))
        number += 1
        time.sleep(max(0, begin + number * INTERVAL - time.monotonic()))


def attack(port, address, seconds):
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    receiver.bind((address, UDP_PORT))
    index, end = socket.if_nametoindex(port), time.monotonic() + float(seconds)
    detached = 0
    while time.monotonic() < end:
        for _, name, descriptor in tcx.programs(index, tcx.SIDES["ingress"]):
            if name.startswith("weir_guard"):
                tcx.bpf(tcx.PROG_DETACH, struct.pack("<IIII", index, descriptor, tcx.SIDES["ingress"], 0))
                detached += 1
            os.close(descriptor)
        time.sleep(PAUSE)
    receiver.setblocking(False)
    heard = set()
    try:
        while True:
            heard.add(struct.unpack("<I", receiver.recv(4))[0])
    except BlockingIOError:
        pass
    longest = run = 0
    for number in range(max(heard, default=-1) + 1):
        run = run + 1 if number in heard else 0
        longest = max(longest, run)
    print(json.dumps({"detached": detached, "heard": len(heard), "longest": round(1000 * INTERVAL * longest)}))


if __name__ == "__main__":
    {"attack": attack, "send": send}[sys.argv[1]](*sys.argv[2:])
