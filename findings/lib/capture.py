"""Writes small pcap and pcapng files, and reads back what tools make of them."""

import struct

TIME = 1_700_000_000


def _block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def option(code, value):
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _options(options):
    return options + option(0, b"") if options else b""


def section():
    return _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(options=b"", snap_length=262_144):
    return _block(1, struct.pack("<HHI", 1, 0, snap_length) + _options(options))


def packet(interface, ticks, frame, options=b""):
    head = struct.pack("<IIIII", interface, ticks >> 32, ticks & 0xFFFF_FFFF, len(frame), len(frame))
    return _block(6, head + frame + bytes(-len(frame) % 4) + _options(options))


def simple_packet(frame):
    return _block(3, struct.pack("<I", len(frame)) + frame)


def custom_block(enterprise, data):
    return _block(0x0000_0BAD, struct.pack("<I", enterprise) + data)


def pcap(records, nanoseconds=False):
    """Records are (second, fraction, frame)."""
    data = struct.pack("<IHHiIII", 0xA1B23C4D if nanoseconds else 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)
    for second, fraction, frame in records:
        data += struct.pack("<IIII", second, fraction, len(frame), len(frame)) + frame
    return data


def records(path):
    """(second, nanosecond, frame) of a pcap."""
    data = open(path, "rb").read()
    order = "<" if data[0] in (0xD4, 0x4D) else ">"
    (magic,) = struct.unpack(order + "I", data[:4])
    unit = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}[magic]
    place, found = 24, []
    while place < len(data):
        second, fraction, captured, _ = struct.unpack(order + "IIII", data[place : place + 16])
        found.append((second, fraction * unit, data[place + 16 : place + 16 + captured]))
        place += 16 + captured
    return found


def blocks(path):
    """(kind, body) of each block of a little-endian pcapng."""
    data, place, found = open(path, "rb").read(), 0, []
    while place < len(data):
        kind, length = struct.unpack("<II", data[place : place + 8])
        found.append((kind, data[place + 8 : place + length - 4]))
        place += length
    return found


def datagram(payload=b"hello", source_port=1000, port=53, identification=1, fragment=0, transport=None):
    """An Ethernet frame with UDP in IPv4; `fragment` is the field of flags and offset, `transport` replaces the UDP header and payload."""
    if transport is None:
        transport = struct.pack(">HHHH", source_port, port, 8 + len(payload), 0) + payload
    addresses = bytes([10, 0, 0, 1, 10, 0, 0, 2])
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(transport), identification, fragment, 64, 17, 0) + addresses
    total = sum(struct.unpack(">10H", head))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    head = head[:10] + struct.pack(">H", ~total & 0xFFFF) + head[12:]
    return bytes.fromhex("0200000000020200000000010800") + head + transport
