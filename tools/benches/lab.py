"""The lab of tools/lab with Weir, a bridge or nothing in the middle."""

import os
import random
import signal
import subprocess
import tempfile
import time

from .commands import ROOT, Failure, run
from .measures import Measures

PASS_ALL = """table bridge filter {
    chain forward {
        type filter hook forward priority 0; policy accept;
    }
}
"""
CONNTRACK = """table inet filter {
    chain forward {
        type filter hook forward priority 0; policy accept;
        ct state new,established counter
    }
}
"""


class Lab(Measures):
    """The namespaces of tools/lab under names of their own, with Weir, a bridge or nothing in the middle.

    A bridge of the kind "conntrack" puts datagrams together and takes them apart again, as Weir does in its default mode, and follows
    connections. A "forwarder" is the C program in this folder, which shows what such sockets can give. `rules` are a file's text for what
    stands in the middle; without them everything passes. `prepare` is called with the lab before anything stands there.
    """

    def __init__(self, middle, workers, options=(), rules=None, prepare=None):
        self.suffix = f"-bench-{os.getpid()}-{random.randrange(1 << 32):08x}"
        self.middle = middle
        self.workers = workers
        self.options = options
        self.rules = rules
        self.prepare = prepare
        self.process = None
        self.directory = tempfile.TemporaryDirectory(prefix="weir-bench-")

    def __enter__(self):
        try:
            self.tool("up")
            if self.prepare:
                self.prepare(self)
            if self.middle == "forwarder":
                self.start_forwarder()
            elif self.middle == "wire":
                self.start_wire()
            elif self.middle != "weir":
                self.tool("bridge")
                if self.middle == "conntrack":
                    self.track_connections()
                elif self.rules:
                    self.load_rules(self.rules)
            else:
                self.start_weir()
            self.inside("near", "ping", "-q", "-c", "3", "-i", "0.1", "10.77.0.2")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.tool("down")
        self.directory.cleanup()

    def tool(self, command):
        subprocess.run(
            [f"{ROOT}/tools/lab", command], check=True, timeout=30,
            env=os.environ | {"LAB_SUFFIX": self.suffix, "LAB_QUIET": "1"})

    def command(self, place, *command):
        return ["ip", "netns", "exec", f"weir-{place}{self.suffix}", *command]

    def inside(self, place, *command, limit=20):
        return run(self.command(place, *command), limit)

    def start_forwarder(self):
        binary = f"{self.directory.name}/forwarder"
        run(["cc", "-O2", "-o", binary, f"{ROOT}/tools/benches/forwarder.c"], 60)
        for port in ("eth1", "eth2"):
            # As with Weir, the kernel has nothing to do with the frames.
            self.inside("fw", "sysctl", "-qw", f"net.ipv6.conf.{port}.disable_ipv6=1")
            self.drop_at_ingress("fw", port, "all")
        self.start_middle("forwarder", [binary, "eth1", "eth2"])

    def start_wire(self):
        """The two ports as one wire in tc, which judges nothing."""
        for port, other in (("eth1", "eth2"), ("eth2", "eth1")):
            self.inside("fw", "sysctl", "-qw", f"net.ipv6.conf.{port}.disable_ipv6=1")
            self.inside("fw", "tc", "qdisc", "add", "dev", port, "clsact")
            self.inside(
                "fw", "tc", "filter", "add", "dev", port, "ingress", "protocol", "all", "u32", "match", "u32", "0", "0",
                "action", "mirred", "egress", "redirect", "dev", other)

    def start_weir(self):
        rules = self.written("rules.nft", self.rules or PASS_ALL)
        binary = os.environ.get("WEIR_BINARY", f"{ROOT}/.build/release/weir")
        self.start_middle(
            "weir",
            [binary, "run", "--ports", "eth1,eth2", "--rules", rules, "--workers", str(self.workers),
             "--state-directory", f"{self.directory.name}/state", "--json", *self.options])

    def start_middle(self, name, command):
        """Starts what forwards, and waits until it says that it does."""
        log = f"{self.directory.name}/log"
        with open(log, "w") as errors:
            self.process = subprocess.Popen(
                self.command("fw", *command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        for _ in range(500):
            with open(log) as file:
                text = file.read()
            if "forwarding between" in text:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise Failure(f"{name} does not forward: {text.strip()}")

    def track_connections(self):
        """Lets the bridge's packets through the IP hooks, where conntrack puts fragments together."""
        self.inside("fw", "sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1", "net.bridge.bridge-nf-call-ip6tables=1")
        self.load_rules(self.rules or CONNTRACK)

    def load_rules(self, text):
        self.inside("fw", "nft", "-f", self.written("bridge.nft", text), limit=60)

    def written(self, name, text):
        path = f"{self.directory.name}/{name}"
        with open(path, "w") as file:
            file.write(text)
        return path

    def offloads(self, state):
        for place, interface in (("near", "near0"), ("far", "far0"), ("fw", "eth1"), ("fw", "eth2")):
            self.inside(place, "ethtool", "-K", interface, *(word for name in ("tso", "gso", "gro") for word in (name, state)))
