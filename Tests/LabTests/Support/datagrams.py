"""Datagrams that leave as one super-frame (UDP_SEGMENT, udp(7)), and what of them arrives.

usage: datagrams.py send ADDRESS SIZE COUNT ROUNDS      COUNT datagrams in each call
       datagrams.py receive PORT SECONDS                prints how many of which size have come, as "COUNT SIZE" lines
"""

import collections
import socket
import struct
import sys
import time

UDP_SEGMENT = 103
PORT = 5300

if sys.argv[1] == "send":
    address, (size, count, rounds) = sys.argv[2], map(int, sys.argv[3:6])
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sender = socket.socket(family, socket.SOCK_DGRAM)
    sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
    for number in range(rounds):
        sender.sendto(struct.pack("!I", number) * (size * count // 4), (address, PORT))
        time.sleep(0.005)
else:
    receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    receiver.bind(("::", int(sys.argv[2])))
    receiver.settimeout(0.1)
    sizes = collections.Counter()
    end = time.monotonic() + float(sys.argv[3])
    print("listening", flush=True)
    while time.monotonic() < end:
        try:
            sizes[len(receiver.recv(70000))] += 1
        except TimeoutError:
            continue
    for size, count in sorted(sizes.items()):
        print(count, size, flush=True)
