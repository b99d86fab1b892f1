"""Sets how large super-frames an interface sends and merges, which ip(8) of Debian 12 can't for IPv4.

usage: limits.py INTERFACE NAME=BYTES …      names as in `ip -details link`: gso_max_size, gro_max_size, gso_ipv4_max_size …
"""

import os
import socket
import struct
import sys

# include/uapi/linux/if_link.h, IFLA_…
ATTRIBUTES = {"gso_max_segs": 40, "gso_max_size": 41, "gro_max_size": 58, "gso_ipv4_max_size": 63, "gro_ipv4_max_size": 64}
RTM_NEWLINK = 16
NLM_F_REQUEST_ACK = 5

attributes = b""
for word in sys.argv[2:]:
    name, value = word.split("=")
    attributes += struct.pack("=HHI", 8, ATTRIBUTES[name], int(value))
body = struct.pack("=BxHiII", 0, 0, socket.if_nametoindex(sys.argv[1]), 0, 0) + attributes
netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
netlink.send(struct.pack("=IHHII", 16 + len(body), RTM_NEWLINK, NLM_F_REQUEST_ACK, 1, 0) + body)
code = struct.unpack_from("=i", netlink.recv(4096), 16)[0]
if code != 0:
    sys.exit(f"{' '.join(sys.argv[1:])}: {os.strerror(-code)}")
