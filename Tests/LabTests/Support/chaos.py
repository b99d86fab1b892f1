"""Traffic for the chaos test: what must pass, what must not, and what the firewall's host may be tempted to answer, route or say.

usage: chaos.py NEAR-NAMESPACE FW-NAMESPACE FAR-NAMESPACE

Fifty times a second each end of the wire sends
  - a numbered datagram to port 7000, which the rules let pass;
  - one to port 666, which they drop, to the host's hardware address and to a network that the host would route it to;
  - an echo request to the host's own address;
and the firewall's host tries to send a datagram to both ends. At either end nothing but numbered datagrams may arrive, each once.

A line on standard input asks; the answer is one JSON object a line: "near" and "far" are when the newest numbered datagram that has
arrived there was sent (seconds since the epoch), "arrived" how many have, "strangers" what else has arrived since the last answer, with
the kernel's time of it.
"""

import json
import os
import select
import socket
import struct
import sys
import time

from internet import checksum, enter, enter_named

SOL_PACKET = 263
PACKET_IGNORE_OUTGOING = 23
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35
PAUSE = 0.02
PASSING, DROPPED, SPOKEN = 7000, 666, 9


def packet(protocol, source, destination, payload):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, source, destination)
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def datagram(source, destination, port, data):
    return packet(17, source, destination, struct.pack("!HHHH", 5000, port, 8 + len(data), 0) + data)


def echo(source, destination):
    body = struct.pack("!BBHHH", 8, 0, 0, 77, 1) + b"chaos..."
    return packet(1, source, destination, body[:2] + struct.pack("!H", checksum(body)) + body[4:])


class End:
    def __init__(self, namespace, interface, digit):
        self.namespace = open(f"/run/netns/{namespace}")
        self.interface = interface
        self.digit = digit
        self.socket = None
        self.index = 0
        self.number = 0
        self.newest = 0.0
        self.arrived = 0
        self.seen = set()
        self.strangers = []

    def address(self, digit=None):
        return bytes([2, 0x77, 0, 0, 0, digit or self.digit])

    def attend(self):
        """Follows the interface when it is made again."""
        enter(self.namespace)
        try:
            index = socket.if_nametoindex(self.interface)
        except OSError:
            index = 0
        if self.socket is not None and index == self.index and self.socket.getsockname()[0] == self.interface:
            return
        if self.socket is not None:
            self.receive(None)
            self.socket.close()
            self.socket = None
        if not index:
            return
        handle = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        handle.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        handle.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        handle.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        handle.setblocking(False)
        try:
            handle.bind((self.interface, ETH_P_ALL))
        except OSError:
            handle.close()
            return
        self.socket, self.index = handle, index

    def send(self, other):
        if self.socket is None:
            return
        host = self.address(0xF0 + self.digit)
        own, theirs = bytes([10, 77, 0, self.digit]), bytes([10, 77, 0, other.digit])
        routed = bytes([10, 88 if self.digit == 1 else 77, 0, other.digit])
        answering = bytes([10, 77 if self.digit == 1 else 88, 0, 254])
        number = struct.pack("!Qd", self.number, time.time())
        self.number += 1
        for destination, contents in (
            (other.address(), datagram(own, theirs, PASSING, number)),
            (other.address(), datagram(own, theirs, DROPPED, number)),
            (host, datagram(own, routed, DROPPED, number)),
            (host, echo(own, answering)),
        ):
            try:
                self.socket.send(destination + self.address() + b"\x08\0" + contents)
            except OSError:
                pass

    def receive(self, other):
        while True:
            try:
                frame, ancillary, _, _ = self.socket.recvmsg(2048, 128)
            except BlockingIOError:
                return
            except OSError:
                return
            when = time.time()
            for level, kind, data in ancillary:
                if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                    seconds, nanoseconds = struct.unpack("=qq", data[:16])
                    when = seconds + nanoseconds / 1e9
            self.judge(frame, when)

    def judge(self, frame, when):
        theirs = 3 - self.digit
        expected = self.address() + self.address(theirs) + b"\x08\0"
        if frame[:14] == expected and frame[23:24] == b"\x11" and frame[36:38] == struct.pack("!H", PASSING):
            number, sent = struct.unpack("!Qd", frame[42:58])
            if number not in self.seen:
                self.seen.add(number)
                self.newest = max(self.newest, sent)
                self.arrived += 1
                return
        self.strangers.append({"at": self.interface, "time": when, "frame": frame[:64].hex()})


class Host:
    """The firewall's own stack, which must not be heard."""

    def __init__(self, namespace):
        enter_named(namespace)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)

    def speak(self):
        for address in ("10.77.0.1", "10.88.0.2"):
            try:
                self.socket.sendto(b"here I am", (address, SPOKEN))
            except OSError:
                pass


def main(near_namespace, fw_namespace, far_namespace):
    host = Host(fw_namespace)
    near, far = End(near_namespace, "near0", 1), End(far_namespace, "far0", 2)
    os.set_blocking(0, False)
    following = time.monotonic()
    while True:
        now = time.monotonic()
        if now >= following:
            following = max(following + PAUSE, now)
            for end in (near, far):
                end.attend()
            near.send(far)
            far.send(near)
            host.speak()
        handles = [end.socket for end in (near, far) if end.socket is not None]
        ready, _, _ = select.select(handles + [0], [], [], max(0, following - time.monotonic()))
        for end in (near, far):
            if end.socket in ready:
                end.receive(None)
        if 0 in ready:
            line = sys.stdin.readline()
            if not line:
                return
            strangers = near.strangers + far.strangers
            near.strangers, far.strangers = [], []
            answer = {
                "near": near.newest, "far": far.newest, "arrived": near.arrived + far.arrived, "strangers": strangers[:200],
                "strangerCount": len(strangers),
            }
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
