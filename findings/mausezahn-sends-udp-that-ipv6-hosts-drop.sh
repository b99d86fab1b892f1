#!/usr/bin/env bash
# mausezahn makes test traffic: here UDP, over IPv4 and IPv6.
#
# Guess: it sets UDP's checksum in both, as it says nothing else.
# Seen: mausezahn 0.6.8 leaves it 0 in UDP over IPv6, where 0 isn't allowed. A firewall that forwards the packets is right, and the host behind
# it drops them before any socket: a test says that the firewall lost them.
# Source: RFC 8200, section 8.1 ("IPv6 receivers must discard UDP packets containing a zero checksum"); mausezahn(8), -6.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb netsniff-ng=0.6.8-3 libcli1.10=1.10.7-1+b1 libnet1=1.1.6+dfsg-3.2 libpcap0.8=1.10.3-1 libnl-3-200=3.7.0-0.2+b1 libnl-genl-3-200=3.7.0-0.2+b1

cat >steps.sh <<'STEPS'
ip link add near type veth peer name far
ip link set far address 02:00:00:00:00:02
ip link set near up
ip link set far up
ip addr add 10.0.0.2/24 dev far
ip addr add fd00::2/64 dev far nodad
exec python3 - <<'PYTHON'
import socket, struct, subprocess
for family, source, target, options in (socket.AF_INET, "10.0.0.1", "10.0.0.2", []), (socket.AF_INET6, "fd00::1", "fd00::2", ["-6"]):
    host = socket.socket(family, socket.SOCK_DGRAM)
    host.bind((target, 5000))
    host.settimeout(0.5)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as wire:
        wire.bind(("far", 0))
        command = ["mausezahn", "near", *options, "-b", "02:00:00:00:00:02", "-A", source, "-B", target, "-t", "udp", "sp=1000,dp=5000", "-P", "hello"]
        subprocess.run(command, check=True, capture_output=True)
        frame = b""
        while b"hello" not in frame:
            frame = wire.recv(2000)
        udp = frame.index(b"\x03\xe8\x13\x88")
        def got():
            try:
                return host.recv(100).decode()
            except TimeoutError:
                return "nothing"
        print(f"to {target}: checksum {'is 0' if frame[udp + 6 : udp + 8] == bytes(2) else 'is set'}, the host got {got()}")
    if options:
        # The same datagram with the right checksum. Its UDP part has 13 bytes, and one of padding for the sum.
        total = sum(struct.unpack(">23H", frame[22:67] + bytes(1))) + 13 + 17
        total = (total & 0xFFFF) + (total >> 16)
        total = (total & 0xFFFF) + (total >> 16)
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
            wire.bind(("near", 0))
            wire.send(frame[: udp + 6] + struct.pack(">H", ~total & 0xFFFF) + frame[udp + 8 :])
        print(f"with the checksum: the host got {got()}")
PYTHON
STEPS

expect "UDP datagrams" "$(unshare -n bash steps.sh)" "to 10.0.0.2: checksum is set, the host got hello
to fd00::2: checksum is 0, the host got nothing
with the checksum: the host got hello"
finish
