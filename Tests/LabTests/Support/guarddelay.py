"""How long a port is without its guard: takes the guard away again and again, and prints the milliseconds from the moment when that could
be known until it is there again, as a JSON list of objects.

usage: guarddelay.py tcx|filters PORT ROUNDS SCRIPT

SCRIPT is for sh, in the namespace of the port; it begins with one of
  tcx detach SIDE         the guard's program of a side is taken off
  tcx before SIDE         another program is attached before it
or it is any commands that the kernel announces by rtnetlink.

The time begins with the kernel's message (RTM_DELQDISC, RTM_DELTFILTER, RTM_NEWTFILTER of another filter, RTM_NEWLINK of another
interface), as a socket that waits for it gets it, or, where there is none, with the end of the system call. It ends when the last missing
filter is announced, or when bpf(2) lists the program as the first. Changes and questions alike need the kernel's rtnl lock, for which
others can make everybody wait, as they do who delete a whole network namespace: the longest that this program had to wait for an answer
is printed beside each time.
"""

import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tcx

NEWLINK, DELLINK, NEWQDISC, DELQDISC, NEWTFILTER, DELTFILTER = 16, 17, 36, 37, 44, 45
RTMGRP_LINK, RTMGRP_TC = 1, 8
IFLA_IFNAME = 3
MARK = 0x57656972
PARENTS = {0xFFFFFFF2: "ingress", 0xFFFFFFF3: "egress"}
LIMIT = 3.0


class Watch:
    """The kernel's messages about a port."""

    def __init__(self, port):
        self.port = port
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.socket.bind((0, RTMGRP_LINK | RTMGRP_TC))
        self.socket.setblocking(False)

    def events(self, patience):
        """(when, what, side) of what comes within that many seconds; link events have no side."""
        if not select.select([self.socket], [], [], patience)[0]:
            return []
        try:
            data = self.socket.recv(1 << 16)
        except BlockingIOError:
            return []
        when = time.monotonic()
        found = []
        while len(data) >= 16:
            length, kind = struct.unpack_from("=IH", data)
            body, data = data[16:length], data[(length + 3) & ~3:]
            index = struct.unpack_from("=i", body, 4)[0]
            if kind in (NEWLINK, DELLINK):
                if self.name(body) == self.port:
                    found.append((when, kind, index))
            elif kind in (DELQDISC, NEWTFILTER, DELTFILTER):
                handle, parent = struct.unpack_from("=II", body, 8)
                # All filters of a side at once are deleted without one's handle.
                is_ours = handle in (MARK, MARK | 1) or kind == DELTFILTER and handle == 0
                if kind == DELQDISC and parent == 0xFFFFFFF1:
                    found.append((when, kind, None))
                elif parent in PARENTS:
                    found.append((when, kind, (PARENTS[parent], is_ours)))
        return found

    @staticmethod
    def name(body):
        rest = body[16:]
        while len(rest) >= 4:
            length, kind = struct.unpack_from("=HH", rest)
            if length < 4:
                break
            if kind & 0x3FFF == IFLA_IFNAME:
                return rest[4:length].split(b"\0")[0].decode()
            rest = rest[(length + 3) & ~3:]
        return None

    def drain(self):
        while self.events(0):
            pass


def index_of(port):
    try:
        return socket.if_nametoindex(port)
    except OSError:
        return 0


longest_answer = 0.0


def is_first(index, side):
    """The guard's program is the first of the list."""
    global longest_answer
    asked = time.monotonic()
    try:
        listed = tcx.programs(index, tcx.SIDES[side])
    except SystemExit:
        return False
    finally:
        longest_answer = max(longest_answer, time.monotonic() - asked)
    for _, _, descriptor in listed:
        os.close(descriptor)
    return bool(listed) and listed[0][1].startswith("weir_guard")


def wait(condition, what):
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"{what} takes more than {LIMIT} s")
        time.sleep(0.0005)


def by_call(port, action, side):
    """The guard of programs, and nobody tells."""
    index = index_of(port)
    if action == "detach":
        guard = [descriptor for _, name, descriptor in tcx.programs(index, tcx.SIDES[side]) if name.startswith("weir_guard")][0]
        tcx.bpf(tcx.PROG_DETACH, struct.pack("<IIII", index, guard, tcx.SIDES[side], 0))
    else:
        guard = tcx.load(3, tcx.SIDES[side], -1, "other")
        tcx.bpf(tcx.PROG_ATTACH, struct.pack("<IIIII", index, guard, tcx.SIDES[side], tcx.BEFORE, 0))
    begun = time.monotonic()
    os.close(guard)
    wait(lambda: is_first(index, side), "the guard")
    return time.monotonic() - begun


def by_message(kind, port, script, watch):
    before = index_of(port)
    attack = subprocess.Popen(["sh", "-c", script])
    begun, missing, end = None, set(), time.monotonic() + LIMIT
    while True:
        for when, what, about in watch.events(0.0005):
            if what == NEWLINK and about != before or what == NEWLINK and begun is None and before == 0:
                if begun is None:
                    begun, missing = when, {"ingress", "egress"}
            elif what == DELLINK and about == before:
                before, begun = 0, None
            elif what == DELQDISC and kind == "filters" and before:
                begun, missing = begun or when, {"ingress", "egress"}
            elif what == DELTFILTER and about[1] and kind == "filters" and before and begun is None:
                begun, missing = when, {about[0]}
            elif what == NEWTFILTER and not about[1] and kind == "filters":
                begun, missing = when, {about[0]}
            elif what == NEWTFILTER and about[1] and kind == "filters":
                missing.discard(about[0])
                if begun is not None and not missing:
                    attack.wait()
                    return when - begun
        if begun is not None and kind == "tcx":
            index = index_of(port)
            if index and all(is_first(index, side) for side in missing):
                attack.wait()
                return time.monotonic() - begun
        if time.monotonic() > end:
            sys.exit(f"after {script}: {'nothing was announced' if begun is None else f'no guard at {missing}'} for {LIMIT} s")


def main(kind, port, rounds, script):
    global longest_answer
    watch = Watch(port)
    times = []
    for _ in range(int(rounds)):
        # Whenever in Weir's own rhythm.
        time.sleep(0.2 + random.random() * 0.2)
        watch.drain()
        longest_answer = 0.0
        if script.startswith("tcx "):
            first, _, rest = script.partition(";")
            if rest:
                subprocess.run(["sh", "-c", rest], check=True)
            taken = by_call(port, *first.split()[1:])
        else:
            taken = by_message(kind, port, script, watch)
        times.append({"taken": round(1000 * taken, 1), "answer": round(1000 * longest_answer, 1)})
    print(json.dumps(times))


if __name__ == "__main__":
    main(*sys.argv[1:])
