#!/usr/bin/env bash
# An XDP program that was attached generically (xdpgeneric) runs on an interface whose driver could run one itself.
#
# Guess: "ip link set dev NAME xdp off" takes off what runs.
# Seen: iproute2 6.1.0 on Linux 6.18.44 ends with 0 and says nothing, and the program stays: without a mode the kernel means the driver's
# slot, which is empty. "xdpgeneric off" takes it off. The same program attached by a BPF link comes and goes without a message of rtnetlink,
# so "ip monitor link" shows nothing of it.
# Source: net/core/dev.c, dev_xdp_mode, dev_change_xdp_fd (rtnl_setlink notifies), bpf_xdp_link_attach (does not); ip-link(8).
folder=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/lib/tools.bash"
deb iproute2=6.1.0-3

cat >xdp.py <<'PYTHON'
"""xdp.py netlink|link INTERFACE: attaches a generic program that passes all, by a message of rtnetlink or for a moment by a BPF link."""
import ctypes, os, socket, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes.ljust(148, b"\0"), 148)
    result = libc.syscall(number, command, buffer, 148)
    if result < 0:
        sys.exit(f"bpf {command}: {os.strerror(ctypes.get_errno())}")
    return result
# r0 = 2 (XDP_PASS); exit. BPF_PROG_LOAD of BPF_PROG_TYPE_XDP, attach type BPF_XDP.
code = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xB7, 0, 0, 2, 0x95, 0, 0, 0))
licence = ctypes.create_string_buffer(b"GPL")
program = bpf(5, struct.pack("<IIQQIIQII16sII", 6, 2, ctypes.addressof(code), ctypes.addressof(licence), 0, 0, 0, 0, 0, b"passes", 0, 37))
index = socket.if_nametoindex(sys.argv[2])
if sys.argv[1] == "link":
    bpf(28, struct.pack("<IIII", program, index, 37, 2))
    time.sleep(0.5)
else:
    # RTM_SETLINK with IFLA_XDP { IFLA_XDP_FD, IFLA_XDP_FLAGS = XDP_FLAGS_SKB_MODE }.
    nested = struct.pack("<HHi", 8, 1, program) + struct.pack("<HHI", 8, 3, 2)
    body = struct.pack("<BBHiII", 0, 0, 0, index, 0, 0) + struct.pack("<HH", 4 + len(nested), 43 | 0x8000) + nested
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.send(struct.pack("<IHHII", 16 + len(body), 19, 5, 1, 0) + body)
        assert struct.unpack_from("<i", netlink.recv(4096), 16)[0] == 0
PYTHON

cat >steps.sh <<'STEPS'
ip link add v0 type veth peer name v1
ip link set v0 up
running() { ip link show v0 | grep -c "prog/xdp" || true; }
timeout 1.5 ip monitor link >messages &
sleep 0.3
python3 xdp.py link v0
wait
echo "messages about a link: $(wc -l <messages)"
python3 xdp.py netlink v0
ip link set dev v0 xdp off
echo "xdp off ends with $?, programs left: $(running)"
ip link set dev v0 xdpgeneric off
echo "xdpgeneric off ends with $?, programs left: $(running)"
STEPS

expect "an XDP program comes and goes" "$(unshare -n bash steps.sh)" "messages about a link: 0
xdp off ends with 0, programs left: 1
xdpgeneric off ends with 0, programs left: 0"
finish
