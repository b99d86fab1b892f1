#!/usr/bin/env bash
# softflowd -r exports the flows of a capture to a collector.
#
# Guess: the flows have the times of the capture's packets, or all the present one.
# Seen: softflowd 1.1.0 counts times in milliseconds from its own start, in 32 bits without a sign. A capture is older than that, and the
# collector, which adds the number to the time of the message, gets times up to 49 days in the future.
# Source: softflowd(8), -r; Cisco's NetFlow version 5: First and Last are SysUptime in milliseconds; netflow5.c, timeval_sub_ms.
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb softflowd=1.1.0-1+b1 libpcap0.8=1.10.3-1

cat >collect.py <<'PYTHON'
import socket, struct, subprocess, time
from capture import *
open("in.pcap", "wb").write(pcap([(TIME, 0, datagram())]))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
    collector.bind(("127.0.0.1", 0))
    collector.settimeout(10)
    command = ["softflowd", "-d", "-r", "in.pcap", "-v", "5", "-n", "127.0.0.1:%d" % collector.getsockname()[1]]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    message = collector.recv(65536)
version, count, uptime, seconds = struct.unpack(">HHII", message[:12])
(first,) = struct.unpack(">I", message[24 + 24 : 24 + 28])
start = seconds + (first - uptime) / 1000
print(f"version {version}, flows: {count}, the capture's time: {start == TIME}, later than now: {start > time.time() + 60}")
PYTHON

expect "a flow" "$(unshare -rn bash -c 'ip link set lo up; python3 collect.py')" \
    "version 5, flows: 1, the capture's time: False, later than now: True"
finish
