"""The segments of super-frames, each built by scapy from its own headers: nothing of another segment's bytes is reused.

usage: segments.py cases | check

cases   prints a JSON array of super-frames {"name", "frame", "kind", "start", "field", "size", "segments"}; frames are hexadecimal,
        `kind` is the gso_type of a virtio_net_hdr, `start` and `field` are its csum_start and csum_offset
check   reads what superframes.py (LabTests) prints of the kernel's segments, and prints a line for each that would be another here
"""

import json
import logging
import socket
import struct
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)

from scapy.config import conf  # noqa: E402

conf.route_autoload = False
conf.route6_autoload = False

from scapy.contrib.geneve import GENEVE  # noqa: E402
from scapy.contrib.gtp import GTP_U_Header  # noqa: E402
from scapy.contrib.mpls import MPLS  # noqa: E402
from scapy.contrib.nsh import NSH  # noqa: E402
from scapy.fields import BitField, ByteField, ShortField  # noqa: E402
from scapy.layers.inet import IP, TCP, UDP  # noqa: E402
from scapy.layers.inet6 import IPv6, IPv6ExtHdrSegmentRouting  # noqa: E402
from scapy.layers.l2 import GRE, Dot1AD, Dot1Q, Ether  # noqa: E402
from scapy.layers.ppp import PPPoE  # noqa: E402
from scapy.layers.vxlan import VXLAN  # noqa: E402
from scapy.packet import NoPayload, Packet, Raw  # noqa: E402

TCP4, TCP6, UDP_L4 = 1, 4, 5


class GUE(Packet):
    """Version 0 of include/net/gue.h, a data packet without options."""

    name = "GUE"
    fields_desc = [BitField("version", 0, 2), BitField("control", 0, 1), BitField("hlen", 0, 5), ByteField("proto", 4), ShortField("flags", 0)]


class SessionProtocol(Packet):
    """PPP's protocol in two bytes, as in PPPoE (RFC 2516, section 7); scapy writes one byte."""

    name = "PPP protocol"
    fields_desc = [ShortField("proto", 0x21)]


class Word(Packet):
    """A pseudowire's control word (RFC 4448, section 4.6)."""

    name = "control word"
    fields_desc = [BitField("zero", 0, 32)]


def layers(packet):
    while not isinstance(packet, NoPayload):
        yield packet
        packet = packet.payload


def segments(template, payload, size):
    """What a sender's stack makes of a packet: `template` has the headers of the first segment, and the TCP flags of all of them."""
    result = []
    for number, offset in enumerate(range(0, len(payload), size)):
        frame = template.copy()
        for layer in layers(frame):
            advance(layer, number, offset, offset + size >= len(payload))
        result.append(bytes(frame / Raw(payload[offset:offset + size])))
    return result


def advance(layer, number, offset, is_last):
    """Sets what differs in a segment; lengths and checksums are for scapy to compute."""
    if isinstance(layer, IP):
        layer.id = (layer.id + number) % 0x10000
        layer.len = layer.chksum = None
    elif isinstance(layer, IPv6):
        layer.plen = None
    elif isinstance(layer, UDP):
        layer.len = None
        # 0 is no checksum (RFC 768, RFC 6935).
        if layer.chksum != 0:
            layer.chksum = None
    elif isinstance(layer, GRE):
        layer.chksum = None
        if layer.seqnum_present:
            layer.sequence_number = (layer.sequence_number + number) % 2**32
    elif isinstance(layer, GTP_U_Header):
        layer.length = None
        if layer.S:
            layer.seq = (layer.seq + number) % 0x10000
    elif isinstance(layer, PPPoE):
        layer.len = None
    elif isinstance(layer, TCP):
        layer.seq = (layer.seq + offset) % 2**32
        layer.chksum = None
        # CWR (RFC 3168, section 6.1.2) belongs to the first, PSH and FIN to the last.
        if number > 0:
            layer.flags &= ~0x80
        if not is_last:
            layer.flags &= ~0x09


def pseudo_sum(ip, protocol, length):
    family = socket.AF_INET if isinstance(ip, IP) else socket.AF_INET6
    data = socket.inet_pton(family, ip.src) + socket.inet_pton(family, ip.dst) + struct.pack("!II", length, protocol)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def case(name, template, length, size):
    """A super-frame as a stack hands it over, its innermost checksum unfinished, and what it is to become."""
    # Not all bytes alike.
    payload = bytes(index * 7 + (index >> 8) & 0xFF for index in range(length))
    frame = bytearray(segments(template, payload, length)[0])
    chain = list(layers(template))
    transport, ip = chain[-1], [layer for layer in chain if isinstance(layer, (IP, IPv6))][-1]
    is_tcp = isinstance(transport, TCP)
    start, field = len(bytes(template)) - len(bytes(transport)), 16 if is_tcp else 6
    frame[start + field:start + field + 2] = struct.pack("!H", pseudo_sum(ip, 6 if is_tcp else 17, len(frame) - start))
    kind = UDP_L4 if not is_tcp else TCP4 if isinstance(ip, IP) else TCP6
    return {
        "name": name, "frame": frame.hex(), "kind": kind, "start": start, "field": field, "size": size,
        "segments": [segment.hex() for segment in segments(template, payload, size)],
    }


def stacks():
    link = Ether(src="02:77:00:00:00:01", dst="02:77:00:00:00:02")
    inner = Ether(src="02:99:00:00:00:01", dst="02:99:00:00:00:02")
    # Identifications, and the sequence number, that go beyond their fields' ends.
    outer4 = IP(src="10.77.0.1", dst="10.77.0.2", id=0xFFFD, flags="DF", tos=2)
    outer6 = IPv6(src="fd77::1", dst="fd77::2", tc=3, fl=77)
    ip4 = IP(src="10.99.0.1", dst="10.99.0.2", id=0xFFFE, flags="DF")
    ip6 = IPv6(src="fd99::1", dst="fd99::2", hlim=9)
    tcp = TCP(sport=4000, dport=5001, seq=0xFFFFFA00, ack=7, flags="CEAPF", options=[("NOP", None)] * 12)
    datagram = UDP(sport=5000, dport=6000)

    def udp(port, checksum=None):
        return UDP(sport=50000, dport=port, chksum=checksum)

    def gtp(**fields):
        return GTP_U_Header(gtp_type=255, teid=9, **fields)

    yield "TCP", link / outer4 / tcp
    yield "UDP in IPv6, two tags", link / Dot1AD(vlan=5) / Dot1Q(vlan=6, prio=3) / outer6 / datagram
    yield "IPIP", link / outer4 / ip4 / tcp
    yield "6in4, tagged", link / Dot1Q(vlan=5) / outer4 / ip6 / tcp
    yield "SRv6", link / outer6 / IPv6ExtHdrSegmentRouting(addresses=["fd77::2", "fd78::1"]) / ip4 / tcp
    yield "GRE with all fields", link / outer4 / GRE(
        chksum_present=1, key_present=1, key=3, seqnum_present=1, sequence_number=0xFFFFFFFE) / ip6 / tcp
    yield "VXLAN", link / outer4 / udp(4789, 0) / VXLAN(vni=42) / inner / ip4 / tcp
    yield "VXLAN with a checksum over IPv6", link / outer6 / udp(4789) / VXLAN(vni=42) / inner / ip6 / datagram
    yield "VXLAN-GPE", link / outer4 / udp(4790) / VXLAN(flags=0x0C, vni=42, NextProtocol=1) / ip4 / tcp
    yield "Geneve", link / outer4 / udp(6081) / GENEVE(vni=42) / inner / ip4 / tcp
    yield "GTP-U", link / outer4 / udp(2152, 0) / gtp() / ip4 / tcp
    yield "GTP-U, numbered, with a checksum", link / outer6 / udp(2152) / gtp(S=1, seq=0xFFFE) / ip6 / tcp
    yield "GTP-U, two tags", link / Dot1AD(vlan=5) / Dot1Q(vlan=6) / outer4 / udp(2152) / gtp() / ip6 / datagram
    yield "FOU, IPv4", link / outer4 / udp(5555) / ip4 / tcp
    yield "FOU, IPv6", link / outer6 / udp(5555, 0) / ip6 / datagram
    yield "FOU, GRE", link / outer4 / udp(5555, 0) / GRE(chksum_present=1) / ip4 / tcp
    yield "GUE", link / outer4 / udp(6080) / GUE() / ip4 / tcp
    yield "GUE, GRE over IPv6", link / outer6 / udp(6080, 0) / GUE(proto=47) / GRE(key_present=1, key=1) / ip6 / tcp
    yield "MPLS", link / MPLS(label=16, s=0, ttl=64) / MPLS(label=17, s=1, ttl=64) / ip4 / tcp
    yield "MPLS, tagged", link / Dot1Q(vlan=5) / MPLS(label=16, s=1, ttl=64) / ip6 / datagram
    yield "MPLS, pseudowire", link / MPLS(label=16, s=1, ttl=64) / Word() / inner / ip4 / tcp
    yield "MPLS in GRE", link / outer4 / GRE(proto=0x8847) / MPLS(label=16, s=1, ttl=64) / ip4 / tcp
    yield "MPLS in UDP", link / outer6 / udp(6635) / MPLS(label=16, s=1, ttl=64) / ip6 / tcp
    yield "PPPoE", link / PPPoE(sessionid=9) / SessionProtocol(proto=0x21) / ip4 / tcp
    yield "PPPoE, tagged, IPv6", link / Dot1Q(vlan=5) / PPPoE(sessionid=9) / SessionProtocol(proto=0x57) / ip6 / datagram
    yield "NSH", Ether(src=link.src, dst=link.dst, type=0x894F) / NSH(mdtype=1, nextproto=3, spi=7, si=255) / inner / ip4 / tcp
    yield "NSH in VXLAN-GPE", link / outer4 / udp(4790) / VXLAN(flags=0x0C, vni=42, NextProtocol=4) / NSH(
        mdtype=1, nextproto=1, spi=7, si=255) / ip4 / datagram
    yield "GRE in VXLAN", link / outer4 / udp(4789) / VXLAN(vni=42) / inner / ip4 / GRE(chksum_present=1) / ip6 / tcp
    yield "VXLAN in Geneve", link / outer6 / udp(6081) / GENEVE(vni=7) / inner / outer4 / udp(4789) / VXLAN(vni=42) / inner / ip4 / tcp
    yield "GTP-U in IPIP, two tags", link / Dot1AD(vlan=5) / Dot1Q(vlan=6) / outer4 / ip4 / udp(2152) / gtp(S=1, seq=1) / ip4 / tcp
    yield "MPLS in GRE in VXLAN", link / outer4 / udp(4789, 0) / VXLAN(vni=42) / inner / ip4 / GRE(
        proto=0x8847, seqnum_present=1, sequence_number=5) / MPLS(label=16, s=1, ttl=64) / ip6 / tcp


def differences(name, frames):
    """Holds `segments` to those of the kernel's, which superframes.py prints: identifications of the outer header count from 0 there."""
    frames = [bytes.fromhex(text) for text in frames]
    template = Ether(frames[0])
    chain = list(layers(template))
    payloads, transport = [], None
    for layer in chain:
        # The innermost; dissection may make something of its payload.
        if isinstance(layer, TCP) or isinstance(layer, UDP) and layer.dport == 6000:
            transport = layer
    transport.remove_payload()
    length = len(bytes(template))
    payloads = [frame[length:] for frame in frames]
    if isinstance(transport, TCP):
        transport.flags |= frames[-1][length - len(bytes(transport)) + 13]
    for number, segment in enumerate(segments(template, b"".join(payloads), len(payloads[0]))):
        at = 18 if segment[12:14] == b"\x81\0" else 14
        if segment[at - 2:at] == b"\x08\0":
            # Blank there, as the identification is the kernel's choice.
            segment = segment[:at + 10] + b"\0\0" + segment[at + 12:]
        if number >= len(frames) or segment != frames[number]:
            yield f"{name}, segment {number}"


def main():
    if sys.argv[1:] == ["cases"]:
        cases = []
        for name, template in stacks():
            # One byte more than full segments, full ones only, and so many that all counts wrap.
            for length, size in ((2801, 1400), (4200, 1400), (9001, 700)):
                cases.append(case(f"{name}, {length} bytes", template, length, size))
        print(json.dumps(cases))
    elif sys.argv[1:] == ["check"]:
        for name, frames in json.load(sys.stdin).items():
            for text in differences(name, frames):
                print(text)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
