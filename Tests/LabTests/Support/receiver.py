"""Says what this host's stack delivers: one JSON object a line for each datagram, after a line "ready".

usage: receiver.py UDP-PORT PROTOCOL

Listens on UDP-PORT and to the IP protocol PROTOCOL, over both IP versions. A line is {"from": address, "payload": hexadecimal},
the payload being what stands behind the UDP header, or behind the IP header and its extensions.
"""

import json
import select
import socket
import sys

SO_RCVBUFFORCE = 33


def main():
    port, protocol = int(sys.argv[1]), int(sys.argv[2])
    sockets = {}
    for family, anywhere in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        for kind, number, address in ((socket.SOCK_DGRAM, 0, (anywhere, port)), (socket.SOCK_RAW, protocol, None)):
            handle = socket.socket(family, kind, number)
            handle.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
            if family == socket.AF_INET6 and address:
                handle.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if address:
                handle.bind(address)
            # A raw socket of IPv4 gets the header too (raw(7)).
            sockets[handle] = family == socket.AF_INET and kind == socket.SOCK_RAW
    print("ready", flush=True)
    while True:
        for handle in select.select(list(sockets), [], [])[0]:
            payload, sender = handle.recvfrom(1 << 17)
            if sockets[handle]:
                payload = payload[(payload[0] & 15) * 4:]
            print(json.dumps({"from": sender[0], "payload": payload.hex()}), flush=True)


main()
