"""Sends frames of many connections from one interface: udp or tcp (SYNs), COUNT of them, each from a port and an address of its own.

Paced, so that what is lost is the exception: flood.py INTERFACE udp|tcp COUNT TIMES
"""

import socket
import struct
import sys
import time

from internet import checksum

interface, kind, count, times = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
link = bytes.fromhex("027700000002" "027700000001" "0800")
port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
port.bind((interface, 0))


def frame(number):
    # 50,000 ports of each address.
    source = bytes([198, 18, number // 50_000 >> 8, number // 50_000 & 255])
    target = bytes([10, 77, 0, 2])
    ports = struct.pack("!HH", 10_000 + number % 50_000, 22 if kind == "tcp" else 9)
    if kind == "tcp":
        body = ports + struct.pack("!IIBBHHH", number, 0, 0x50, 2, 65535, 0, 0)
        sum_ = checksum(source + target + struct.pack("!HH", 6, len(body)) + body)
        body = body[:16] + struct.pack("!H", sum_) + body[18:]
    else:
        body = ports + struct.pack("!HH", 8, 0)
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, 6 if kind == "tcp" else 17, 0, source, target)
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return link + header + body


for _ in range(times):
    for number in range(count):
        port.send(frame(number))
        if number % 100 == 99:
            time.sleep(0.0005)
print("done", flush=True)
