"""Sends packets that are too big for the wire's other end, the first of them with a time of arrival an hour ahead, as if the clock had been
set back since, and prints how many of them are answered.

usage: forgedtime.py INTERFACE DESTINATION-MAC

INTERFACE is one end of a veth whose other end, in the same namespace, is a port: there the time of SO_TXTIME by CLOCK_REALTIME stays with
the frame and is what the port's packet sockets are told. A last, small datagram to port 9 has such a time too, so that it can be seen.
"""

import socket
import struct
import sys
import time

from internet import checksum

SO_TXTIME = SCM_TXTIME = 61
SOL_PACKET, PACKET_IGNORE_OUTGOING, ETH_P_IP = 263, 23, 0x0800
HOUR = 3600 * 10**9
COUNT = 10


def datagram(length, port):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + length, 0, 0x4000, 64, 17, 0, bytes([10, 77, 0, 1]), bytes([10, 77, 0, 2]))
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return header + struct.pack("!HHHH", 5000, port, 8 + length, 0) + bytes(length)


def main(interface, destination):
    handle = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
    handle.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    handle.setsockopt(socket.SOL_SOCKET, SO_TXTIME, struct.pack("iI", time.CLOCK_REALTIME, 0))
    handle.bind((interface, ETH_P_IP))
    ethernet = bytes.fromhex(destination.replace(":", "")) + bytes([2, 0x77, 0, 0, 0, 1]) + b"\x08\0"

    def send(packet, ahead=False):
        forged = [(socket.SOL_SOCKET, SCM_TXTIME, struct.pack("Q", time.time_ns() + HOUR))] if ahead else []
        handle.sendmsg([ethernet + packet], forged)

    for number in range(COUNT + 1):
        send(datagram(1700, 7), ahead=number == 0)
        time.sleep(0.01)
    send(datagram(30, 9), ahead=True)
    answers = 0
    handle.settimeout(1)
    try:
        while True:
            frame = handle.recv(2048)
            # ICMP "fragmentation needed".
            answers += frame[23:24] == b"\x01" and frame[34:36] == b"\x03\x04"
    except TimeoutError:
        print(answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
