"""What scripts that make packets share: the Internet checksum, and the way into another network namespace."""

import ctypes
import struct

CLONE_NEWNET = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)


def enter(handle):
    """Moves this thread into the network namespace of an open file."""
    if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"setns {handle.name}")


def enter_named(namespace):
    with open(f"/run/netns/{namespace}") as handle:
        enter(handle)


def internet_sum(data):
    """RFC 1071, not yet complemented."""
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def checksum(data):
    """RFC 1071."""
    return ~internet_sum(data) & 0xFFFF
