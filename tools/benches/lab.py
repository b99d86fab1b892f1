"""The lab of tools/lab with Weir, a bridge or nothing in the middle, and what can be measured there."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
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
TRAFGEN = """{
    eth(da=02:77:00:00:00:02, sa=02:77:00:00:00:01),
    ipv4(sa=10.77.0.1, da=10.77.0.2, ttl=64),
    udp(sp=4000, dp=9),
    fill('x', 18)
}
"""


class Failure(Exception):
    """Why there is no result."""


def run(command, limit=20):
    """The output of a command that has to succeed within `limit` seconds."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    if result.returncode != 0:
        raise Failure(f"{' '.join(command)}: {result.stderr.strip() or result.stdout.strip()}")
    return result.stdout


def built(package, program):
    """The path of a program of a tool's own package under `tools`, which is built first.

    Build plans are not kept: Swift makes none anew when files come or go in the package that a tool measures.
    """
    scratch = f"{ROOT}/.build-bench/{package}"
    subprocess.run(
        ["swift", "build", "-c", "release", "--disable-build-manifest-caching", "--package-path", f"{ROOT}/tools/{package}",
         "--scratch-path", scratch],
        check=True, stdout=sys.stderr)
    return f"{scratch}/release/{program}"


class Lab:
    """The namespaces of tools/lab under names of their own, with Weir, a bridge or nothing in the middle.

    A bridge of the kind "conntrack" puts datagrams together and takes them apart again, as Weir does in its default mode, and follows
    connections. A "forwarder" is the C program beside this, which shows what such sockets can give. `rules` are a file's text for what
    stands in the middle; without them everything passes.
    """

    def __init__(self, middle, workers, options=(), rules=None):
        self.suffix = f"-bench-{os.getpid()}-{random.randrange(1 << 32):08x}"
        self.middle = middle
        self.workers = workers
        self.options = options
        self.rules = rules
        self.process = None
        self.directory = tempfile.TemporaryDirectory(prefix="weir-bench-")

    def __enter__(self):
        try:
            self.tool("up")
            if self.middle == "forwarder":
                self.start_forwarder()
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

    def frames_received(self):
        return int(self.inside("far", "cat", "/sys/class/net/far0/statistics/rx_packets"))

    def frames_at_weir(self):
        return int(self.inside("fw", "cat", "/sys/class/net/eth1/statistics/rx_packets"))

    def resident_memory(self):
        """Of Weir, in KiB."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))

    def serve_iperf(self):
        server = subprocess.Popen(
            self.command("far", "iperf3", "-s", "-1"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(250):
            if self.inside("far", "ss", "-Hltn", "sport = :5201"):
                break
            time.sleep(0.02)
        return server

    # What is measured, each for about `seconds`.

    def fragmented(self, seconds, rate):
        """UDP of 8,000 bytes, six fragments each, at a rate that iperf3 is told: Mbit/s at the far host's interface, and the share of the
        fragments that the middle lost, in percent. What the far host's socket has no room for is not the middle's loss."""
        server = self.serve_iperf()
        try:
            before, start = self.on_the_wire(), time.monotonic()
            self.inside(
                "near", "iperf3", "-c", "10.77.0.2", "-u", "-b", rate, "-l", "8000", "-i", "0", "-t", str(seconds),
                "--connect-timeout", "2000", limit=seconds + 15)
            elapsed = time.monotonic() - start
            sent, received, received_bytes = (after - earlier for after, earlier in zip(self.on_the_wire(), before))
            return received_bytes * 8 / elapsed / 1e6, max(0.0, 100 - 100 * received / sent)
        finally:
            server.kill()
            server.wait()

    def on_the_wire(self):
        """Frames that the near host has sent, and frames and bytes that have come to the far one."""
        counters = "/sys/class/net/{0}0/statistics/"
        near = self.inside("near", "cat", counters.format("near") + "tx_packets")
        far = self.inside("far", "cat", counters.format("far") + "rx_packets", counters.format("far") + "rx_bytes")
        return [int(value) for value in (near + far).split()]

    def tcp(self, seconds):
        """One stream's Mbit/s, as it arrived."""
        server = self.serve_iperf()
        try:
            # The first half second is slow start.
            text = self.inside(
                "near", "iperf3", "-c", "10.77.0.2", "-J", "-i", "0", "-t", str(seconds), "-O", "0.5", "--connect-timeout", "2000",
                limit=seconds + 15)
            return json.loads(text)["end"]["sum_received"]["bits_per_second"] / 1e6
        finally:
            server.kill()
            server.wait()

    def tcp_without_offloads(self, seconds):
        self.offloads("off")
        try:
            return self.tcp(seconds)
        finally:
            self.offloads("on")

    def generator(self, limit, *options):
        configuration = self.written("frames.trafgen", TRAFGEN)
        return self.command(
            "near", "timeout", "-s", "INT", str(limit), "trafgen", "--dev", "near0", "--conf", configuration, "--cpus", "1",
            "--no-sock-mem", *options)

    def far_is_a_sink(self):
        """The far host's stack must not be what is measured: its frames end at tc, counted by the interface."""
        self.is_a_sink("far")

    def is_a_sink(self, host):
        self.drop_at_ingress(host, f"{host}0", "ip")

    def drop_at_ingress(self, place, interface, protocol):
        self.inside(place, "tc", "qdisc", "add", "dev", interface, "clsact")
        self.inside(
            place, "tc", "filter", "add", "dev", interface, "ingress", "protocol", protocol, "bpf", "da", "bytecode", "1,6 0 0 2,")

    def far_is_a_host(self):
        self.inside("far", "tc", "qdisc", "delete", "dev", "far0", "clsact")

    def frames(self, seconds):
        """60-byte UDP frames a second from one generator, as they arrived."""
        self.far_is_a_sink()
        generator = subprocess.Popen(
            self.generator(seconds + 10), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.7)
            before, start = self.frames_received(), time.monotonic()
            time.sleep(seconds)
            after, end = self.frames_received(), time.monotonic()
        finally:
            generator.send_signal(signal.SIGINT)
            try:
                generator.wait(3)
            except subprocess.TimeoutExpired:
                generator.kill()
                generator.wait()
            self.far_is_a_host()
        return (after - before) / (end - start)

    def ping(self, _):
        """Mean of 500 round trips, in ms."""
        text = self.inside("near", "ping", "-q", "-n", "-c", "500", "-i", "0.002", "10.77.0.2", limit=15)
        return float(re.search(r"= [\d.]+/([\d.]+)/", text).group(1))

    def memory_growth(self):
        """KiB by which Weir's resident memory has grown over a million frames, after a first hundred thousand."""
        self.far_is_a_sink()
        try:
            run(self.generator(20, "--num", "100000"), 30)
            time.sleep(0.5)
            before = self.resident_memory()
            run(self.generator(60, "--num", "1000000"), 70)
            time.sleep(0.5)
            return self.resident_memory() - before
        finally:
            self.far_is_a_host()
