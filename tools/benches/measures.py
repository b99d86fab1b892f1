"""What can be measured in the lab: throughput, frame rate, latency and memory."""

import json
import re
import signal
import subprocess
import time

from .commands import run

TRAFGEN = """{
    eth(da=02:77:00:00:00:02, sa=02:77:00:00:00:01),
    ipv4(sa=10.77.0.1, da=10.77.0.2, ttl=64),
    udp(sp=4000, dp=9),
    fill('x', 18)
}
"""


class Measures:
    """What a `Lab` can measure, whatever is in the middle. Each measurement takes about `seconds`."""

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

    def tcp(self, seconds, address="10.77.0.2"):
        """One stream's Mbit/s, as it arrived."""
        server = self.serve_iperf()
        try:
            # The first half second is slow start.
            text = self.inside(
                "near", "iperf3", "-c", address, "-J", "-i", "0", "-t", str(seconds), "-O", "0.5", "--connect-timeout", "2000",
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
