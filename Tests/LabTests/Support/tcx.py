"""What other agents do to a port through bpf(2), without their libraries.

    tcx.py attach PORT ingress|egress RETURN [before]   a program that returns RETURN (0 TCX_PASS, -1 TCX_NEXT), last or first
    tcx.py list PORT ingress|egress                     the programs in their order: id and name, a line each
    tcx.py detach PORT ingress|egress NAME              takes every program off whose name begins so
    tcx.py xdp PORT RETURN [driver]                     an XDP program (2 XDP_PASS), generic or the driver's; RETURN "off" takes a generic
                                                        one off
    tcx.py xdplink PORT RETURN SECONDS                  a generic XDP program that a BPF link attaches, for that long
"""

import ctypes
import os
import socket
import struct
import sys
import time

C = ctypes.CDLL(None, use_errno=True)
BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
PROG_LOAD, PROG_ATTACH, PROG_DETACH, PROG_BY_ID, INFO, PROG_QUERY, LINK_CREATE = 5, 8, 9, 13, 15, 16, 28
BEFORE = 1 << 3
SIDES = {"ingress": 46, "egress": 47}
# XDP_FLAGS_SKB_MODE and XDP_FLAGS_DRV_MODE.
XDP_GENERIC, XDP_DRIVER = 2, 4


def bpf(command, attributes):
    """The call's result and the attributes as the kernel left them."""
    buffer = ctypes.create_string_buffer(attributes.ljust(148, b"\0"), 148)
    result = C.syscall(BPF, command, buffer, 148)
    if result < 0:
        sys.exit(f"bpf command {command}: {os.strerror(ctypes.get_errno())}")
    return result, buffer.raw


def load(kind, attach_type, result, name):
    code = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xB7, 0, 0, result, 0x95, 0, 0, 0))
    licence = ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack(
        "<IIQQIIQII16sII", kind, 2, ctypes.addressof(code), ctypes.addressof(licence), 0, 0, 0, 0, 0, name.encode(), 0, attach_type)
    return bpf(PROG_LOAD, attributes)[0]


def programs(index, side):
    """(id, name, descriptor) of each program in its order."""
    ids = (ctypes.c_uint32 * 64)()
    _, answer = bpf(PROG_QUERY, struct.pack("<IIIIQI", index, side, 0, 0, ctypes.addressof(ids), 64))
    found = []
    for number in ids[: struct.unpack_from("<I", answer, 24)[0]]:
        descriptor, _ = bpf(PROG_BY_ID, struct.pack("<I", number))
        info = ctypes.create_string_buffer(232)
        bpf(INFO, struct.pack("<IIQ", descriptor, 232, ctypes.addressof(info)))
        found.append((number, info.raw[64:80].rstrip(b"\0").decode(), descriptor))
    return found


def main(arguments):
    action, port = arguments[:2]
    if action == "xdp":
        if arguments[2] == "off":
            os.execvp("ip", ["ip", "link", "set", "dev", port, "xdpgeneric", "off"])
        is_driver = arguments[3:] == ["driver"]
        program = load(6, 0, int(arguments[2]), "xdp_other")
        set_xdp(socket.if_nametoindex(port), program, XDP_DRIVER if is_driver else XDP_GENERIC)
        return
    if action == "xdplink":
        program = load(6, 37, int(arguments[2]), "xdp_other")
        # BPF_XDP is 37.
        bpf(LINK_CREATE, struct.pack("<IIII", program, socket.if_nametoindex(port), 37, XDP_GENERIC))
        time.sleep(float(arguments[3]))
        return
    index, side = socket.if_nametoindex(port), SIDES[arguments[2]]
    if action == "attach":
        program = load(3, side, int(arguments[3]), "other")
        bpf(PROG_ATTACH, struct.pack("<IIIII", index, program, side, BEFORE if arguments[4:] == ["before"] else 0, 0))
    elif action == "list":
        for number, name, _ in programs(index, side):
            print(number, name)
    elif action == "detach":
        for _, name, descriptor in programs(index, side):
            if name.startswith(arguments[3]):
                bpf(PROG_DETACH, struct.pack("<IIII", index, descriptor, side, 0))


def set_xdp(index, program, mode):
    """RTM_SETLINK with IFLA_XDP { IFLA_XDP_FD, IFLA_XDP_FLAGS }."""
    nested = struct.pack("<HHi", 8, 1, program) + struct.pack("<HHI", 8, 3, mode)
    attribute = struct.pack("<HH", 4 + len(nested), 43 | 0x8000) + nested
    header = struct.pack("<BBHiII", 0, 0, 0, index, 0, 0)
    message = struct.pack("<IHHII", 16 + len(header) + len(attribute), 19, 5, 1, 0) + header + attribute
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.send(message)
        error = struct.unpack_from("<i", netlink.recv(4096), 16)[0]
        if error:
            sys.exit(f"set xdp: {os.strerror(-error)}")


if __name__ == "__main__":
    main(sys.argv[1:])
