"""Puts all that an interface sends after VLAN tags, and takes as many off what comes in, by TCX programs.

usage: tags.py INTERFACE TPID:VLAN…      the outermost tag first; no kernel module for VLANs is needed
"""

import ctypes
import os
import platform
import socket
import struct
import sys

BPF_PROG_LOAD, BPF_PROG_ATTACH = 5, 8
BPF_PROG_TYPE_SCHED_CLS = 3
BPF_TCX_INGRESS, BPF_TCX_EGRESS = 46, 47
# include/uapi/linux/bpf.h, __BPF_FUNC_MAPPER
VLAN_PUSH, VLAN_POP = 18, 19
NUMBER = {"x86_64": 321, "aarch64": 280}[platform.machine()]

libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes.ljust(148, b"\0"), 148)
    result = libc.syscall(NUMBER, command, buffer, 148)
    if result < 0:
        sys.exit(f"bpf {command}: {os.strerror(ctypes.get_errno())}")
    return result


def instruction(code, registers=0, immediate=0):
    return struct.pack("<BBhi", code, registers, 0, immediate)


def call(function, *arguments):
    """Calls a helper with the packet, which register 6 keeps, and numbers."""
    text = instruction(0xBF, 0x61)
    for register, value in enumerate(arguments, 2):
        text += instruction(0xB7, register, value)
    return text + instruction(0x85, 0, function)


def attach(interface, kind, body):
    code = instruction(0xBF, 0x16) + body + instruction(0xB7, 0, 0xFFFFFFFF - (1 << 32)) + instruction(0x95)
    text, licence = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"GPL")
    program = bpf(
        BPF_PROG_LOAD,
        struct.pack("<IIQQIIQII16sII", BPF_PROG_TYPE_SCHED_CLS, len(code) // 8, ctypes.addressof(text), ctypes.addressof(licence),
                    0, 0, 0, 0, 0, b"tags", 0, kind))
    bpf(BPF_PROG_ATTACH, struct.pack("<IIIII", socket.if_nametoindex(interface), program, kind, 0, 0))


interface, *tags = sys.argv[1:]
pairs = [tag.split(":") for tag in tags]
pushes = [call(VLAN_PUSH, socket.htons(int(tpid, 16)), int(vlan)) for tpid, vlan in reversed(pairs)]
attach(interface, BPF_TCX_EGRESS, b"".join(pushes))
attach(interface, BPF_TCX_INGRESS, call(VLAN_POP) * len(tags))
