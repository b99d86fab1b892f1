"""Names for scapy expressions: the frames of the lab's tables are written with them.

`near` and `far` begin a frame from that host to the other. What scapy leaves open is filled in as a host would.
"""

import logging
import socket
import struct

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)

from scapy.config import conf  # noqa: E402

# Frames are built, never sent by scapy, and its view of this machine's routes and addresses must not leak into them.
conf.route_autoload = False
conf.route6_autoload = False

from scapy.contrib.lldp import LLDPDU, LLDPDUChassisID, LLDPDUEndOfLLDPDU, LLDPDUPortID, LLDPDUTimeToLive  # noqa: E402
from scapy.contrib.mpls import MPLS  # noqa: E402
from scapy.layers.eap import EAPOL  # noqa: E402
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption  # noqa: E402
from scapy.layers.inet6 import (  # noqa: E402
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    RouterAlert,
)
from scapy.layers.l2 import ARP, GRE, LLC, SNAP, STP, Dot1AD, Dot1Q, Dot3, Ether  # noqa: E402
from scapy.layers.ppp import PPPoE, PPPoED, PPP  # noqa: E402
from scapy.layers.sctp import SCTP  # noqa: E402
from scapy.layers.vxlan import VXLAN  # noqa: E402
from scapy.packet import Raw  # noqa: E402

NEAR_MAC = "02:77:00:00:00:01"
FAR_MAC = "02:77:00:00:00:02"

near = Ether(src=NEAR_MAC, dst=FAR_MAC)
far = Ether(src=FAR_MAC, dst=NEAR_MAC)
near4 = IP(src="10.77.0.1", dst="10.77.0.2")
far4 = IP(src="10.77.0.2", dst="10.77.0.1")
near6 = IPv6(src="fd77::1", dst="fd77::2")
far6 = IPv6(src="fd77::2", dst="fd77::1")


def data(length):
    """`length` bytes of payload that are not all alike."""
    return Raw(bytes(index * 7 & 0xFF for index in range(length)))


def number(value):
    """Four bytes that tell a frame from others of its kind."""
    return Raw(value.to_bytes(4, "big"))


def padded(frame, length=60):
    """As an Ethernet adapter sends it: filled to the least length with bytes that are no part of the packet."""
    frame = bytes(frame)
    return frame + b"\xa5" * (length - len(frame))


def cut(frame, length):
    """The first `length` bytes."""
    return bytes(frame)[:length]


def overwritten(frame, offset, *values):
    """With the bytes from `offset` on replaced."""
    frame = bytearray(bytes(frame))
    frame[offset : offset + len(values)] = bytes(values)
    return bytes(frame)


def unfinished(frame):
    """With the checksum of its TCP or UDP as a stack leaves it to the hardware: the sum of the pseudo-header alone."""
    frame = frame.__class__(bytes(frame))
    ip = frame[IP] if IP in frame else frame[IPv6]
    transport = ip.payload
    length = len(bytes(transport))
    if IP in frame:
        pseudo = struct.pack("!4s4sHH", socket.inet_aton(ip.src), socket.inet_aton(ip.dst), ip.proto, length)
    else:
        addresses = socket.inet_pton(socket.AF_INET6, ip.src) + socket.inet_pton(socket.AF_INET6, ip.dst)
        pseudo = addresses + struct.pack("!II", length, ip.nh)
    total = sum(struct.unpack(f"!{len(pseudo) // 2}H", pseudo))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    transport.chksum = total
    return bytes(frame)


def evaluate(expression):
    """The bytes of the frame that `expression` describes."""
    return bytes(eval(expression, globals()))
