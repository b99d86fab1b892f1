"""Has the host `near` send super-frames in a tunnel of the kernel's own, and says which frames come out at `far`.

usage: superframes.py NEAR-NAMESPACE FAR-NAMESPACE TUNNEL

TUNNEL is vxlan4, vxlan4-checksum, vxlan4-tagged (with an 802.1Q tag), vxlan6, vxlan6-zero, srv6 or srv6-long. A tun device hands the kernel a few super-frames, which it
routes into the tunnel: TCP over both IP versions with all that differs between first and last segments, and UDP datagrams of one size.
Prints one JSON object: for each of them by name the frames that came, in hexadecimal and in order. What the kernel chooses freely, the
identification of the outer IPv4 header, counts from the first frame of each here.
"""

import fcntl
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time

from internet import checksum, enter_named, internet_sum
from wiretap import End

near, far, tunnel = sys.argv[1:]
TUNSETIFF, IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x400454CA, 1, 0x1000, 0x4000
FAR_MAC = "02:77:00:00:00:02"
SIZE = 1200


def run(commands):
    for command in commands.strip().splitlines():
        subprocess.run(command.split(), check=True)


def packet(version, protocol, header, payload, at):
    """An IP packet with an unfinished checksum, its field `at` bytes from the transport header's first."""
    length = len(header) + len(payload)
    if version == 4:
        addresses = bytes([10, 5, 0, 2, 10, 88, 0, 2])
        network = struct.pack("!BBHHHBBH", 0x45, 2, 20 + length, 0xFFFE, 0x4000, 64, protocol, 0) + addresses
        network = network[:10] + struct.pack("!H", checksum(network)) + network[12:]
    else:
        addresses = socket.inet_pton(socket.AF_INET6, "fd05::2") + socket.inet_pton(socket.AF_INET6, "fd88::2")
        network = struct.pack("!IHBB", 0x60200005, length, protocol, 64) + addresses
    header = header[:at] + struct.pack("!H", internet_sum(addresses + struct.pack("!II", length, protocol))) + header[at + 2:]
    return network + header + payload


def super_frames():
    payload = bytes(index * 7 & 255 for index in range(10_000))
    # CWR, ECE, ACK, PSH and FIN, with options; and few flags.
    full = struct.pack("!HHIIBBHHH", 4000, 5001, 0xFFFFF000, 1, 0x80, 0xD9, 65535, 0, 0) + b"\1" * 12
    plain = struct.pack("!HHIIBBHHH", 4000, 5001, 1, 1, 0x50, 0x10, 65535, 0, 0)
    for version, kind in ((4, 1), (6, 4)):
        for name, header in (("all flags", full), ("plain", plain)):
            data = packet(version, 6, header, payload, 16)
            start = 20 if version == 4 else 40
            ecn = 0x80 if header is full else 0
            yield f"TCP{version}, {name}", struct.pack("=BBHHHH", 1, kind | ecn, start + len(header), SIZE, start, 16) + data
        header = struct.pack("!HHHH", 5000, 6000, 8 + len(payload), 0)
        data = packet(version, 17, header, payload, 6)
        yield f"UDP{version}", struct.pack("=BBHHHH", 1, 5, start + 8, SIZE, start, 6) + data


listener = End(far, "far0")
enter_named(near)
device = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", b"tun0", IFF_TUN | IFF_NO_PI | IFF_VNET_HDR))
run(f"""
    sysctl -qw net.ipv4.ip_forward=1
    sysctl -qw net.ipv6.conf.all.forwarding=1
    ip address add 10.5.0.1/24 dev tun0
    ip address add fd05::1/64 dev tun0 nodad
    ip link set tun0 mtu 1300 up
    ip address replace 10.77.0.1/24 dev near0
    ip address replace fd77::1/64 dev near0 nodad
    ip neighbour replace 10.77.0.2 lladdr {FAR_MAC} dev near0 nud permanent
    ip neighbour replace fd77::2 lladdr {FAR_MAC} dev near0 nud permanent
""")
if tunnel.startswith("vxlan"):
    ends = "local 10.77.0.1 remote 10.77.0.2" if tunnel.startswith("vxlan4") else "local fd77::1 remote fd77::2"
    checksums = {
        "vxlan4": "noudpcsum", "vxlan4-checksum": "udpcsum", "vxlan4-tagged": "noudpcsum",
        "vxlan6": "noudp6zerocsumtx", "vxlan6-zero": "udp6zerocsumtx",
    }
    run(f"""
        ip link add vx0 address 02:99:00:00:00:01 type vxlan id 42 {ends} dstport 4789 {checksums[tunnel]}
        ip address add 10.88.0.1/24 dev vx0
        ip address add fd88::1/64 dev vx0 nodad
        ip link set vx0 up
        ip neighbour replace 10.88.0.2 lladdr 02:99:00:00:00:02 dev vx0 nud permanent
        ip neighbour replace fd88::2 lladdr 02:99:00:00:00:02 dev vx0 nud permanent
    """)
else:
    segments = "fd77::2" if tunnel == "srv6" else "fd77::2,fd78::1,fd78::2"
    run(f"""
        ip route add 10.88.0.2/32 encap seg6 mode encap segs {segments} dev near0
        ip -6 route add fd88::2/128 encap seg6 mode encap segs {segments} dev near0
        ip sr tunsrc set fd77::1
    """)
if tunnel.endswith("tagged"):
    run(f"/usr/bin/python3 {os.path.dirname(os.path.abspath(__file__))}/tags.py near0 8100:6")
time.sleep(0.3)


def received(seconds):
    """The next frame, its tag put back; None if none comes in time."""
    if not select.select([listener.socket], [], [], seconds)[0]:
        return None
    return bytearray(listener.receive()[0])


result = {}
for name, frame in super_frames():
    while received(0.01) is not None:
        pass
    os.write(device, frame)
    came, first = [], None
    while len(came) < 9 and (data := received(1.0)) is not None:
        if data[0:6] != bytes.fromhex(FAR_MAC.replace(":", "")) or len(data) < 300:
            continue
        at = 18 if data[12:14] == b"\x81\0" else 14
        if data[at - 2:at] == b"\x08\0":
            number = struct.unpack("!H", data[at + 4:at + 6])[0]
            first = number if first is None else first
            data[at + 4:at + 6] = struct.pack("!H", (number - first) & 0xFFFF)
            # Its checksum counts the identification.
            data[at + 10:at + 12] = b"\0\0"
        came.append(bytes(data).hex())
    result[name] = came
print(json.dumps(result))
