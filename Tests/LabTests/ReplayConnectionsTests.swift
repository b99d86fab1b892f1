import Foundation
import Testing

extension UntimedLabTests.ReplayTests {
    private static let followingRules = """
        table bridge filter {
            chain forward {
                type filter hook forward priority 0; policy drop;
                meta protocol arp accept
                ct state invalid counter drop comment "invalid"
                ct mark 7 ct direction reply counter comment "marked"
                ct state related counter accept comment "related"
                ct state established counter accept comment "established"
                udp dport 9 ct count over 2 counter drop comment "too many"
                tcp dport 80 ct mark set 7 counter accept comment "web"
                tcp dport 81 counter accept comment "closed"
                udp dport 9 counter accept comment "few"
                icmp type echo-request counter accept comment "echo"
            }
        }

        """

    /// Datagrams from four ports to one that nobody listens on, and from two of them once more when the first have been silent for longer
    /// than connections may be.
    private static let datagrams = """
        import socket, time
        def send(port):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.bind(("10.77.0.1", port))
                sender.sendto(b"datagram", ("10.77.0.2", 9))
        for port in (5001, 5002, 5003, 5004): send(port)
        time.sleep(1.5)
        for port in (5003, 5004): send(port)
        """

    @Test("connections have the states, marks, counts and timeouts of the run")
    func connections() throws {
        let lab = try Lab()
        try lab.turnOffloadsOff()
        // Hosts that speak when they are asked to: all that Weir sees is in the capture.
        for place in [Place.near, .far] { try lab.require(in: place, "sysctl -qw net.ipv6.conf.all.disable_ipv6=1") }
        func file(_ name: String) -> URL { lab.directory.appending(path: name) }
        let options = ["--tcp", "strict", "--tcp-grace", "0", "--flow-timeout", "udp_timeout=1"]
        let weir = try Weir(in: lab, rules: Self.followingRules, options: options)
        let recorder = try Recorder(
            lab, ["dumpcap", "-q", "-i", Lab.ports.near, "-i", Lab.ports.far], to: file("raw.pcapng"))
        try lab.startWebServer(port: 80)
        #expect(try lab.fetch(port: 80) == 300_000)
        #expect(try lab.fetch(port: 81, limit: 2) == 0, "nobody listens")
        #expect(try lab.ping("10.77.0.2") == 3)
        // Its seconds are SIGALRM, and the threads of tests block signals.
        _ = try lab.run(
            in: .near, "env --default-signal=ALRM hping3 -q -A -c 1 -s 4444 -p 80 10.77.0.2".split(separator: " ").map(String.init))
        _ = try Command.require(["ip", "netns", "exec", lab.namespace(of: .near), "/usr/bin/python3", "-c", Self.datagrams])
        try recorder.end(after: weir.counters().framesOnPorts)
        let run = try #require(weir.stop().counters)
        try Command.require(["reordercap", file("raw.pcapng").path, file("both.pcapng").path])

        let replayed = try #require(try Self.replay(lab, options + ["-q", file("both.pcapng").path]).counters)
        #expect(replayed.reasons == run.reasons)
        for (live, again) in zip(run.rules, replayed.rules) {
            #expect((again.frames, again.bytes) == (live.frames, live.bytes), "\(live.text)")
        }
        #expect(replayed.flows?.events.filter { $0.key != "expired" } == run.flows?.events.filter { $0.key != "expired" })
        // The kernels of the hosts have said all of that.
        func frames(_ comment: String) -> UInt64 { run.rules.first { $0.text.contains("\"\(comment)\"") }?.frames ?? 0 }
        #expect(frames("invalid") == 1 && frames("too many") == 2 && frames("few") == 4 && frames("related") > 0)
        #expect(frames("web") == 1 && frames("closed") == 1 && frames("echo") == 1 && frames("marked") > 3)
    }

    /// Hosts leave sums and segments to cards that they don't have: what is on the ports is super-frames with unfinished checksums. dumpcap
    /// writes them out of order, each that passes twice, and without directions.
    @Test("with the kernel's offloads on, a capture straight from dumpcap has the verdicts of the run")
    func offloads() throws {
        let lab = try Lab()
        for place in [Place.near, .far] { try lab.require(in: place, "sysctl -qw net.ipv6.conf.all.disable_ipv6=1") }
        let file = lab.directory.appending(path: "raw.pcapng")
        let options = ["--tcp", "strict", "--tcp-grace", "0"]
        let weir = try Weir(in: lab, rules: Self.followingRules, options: options)
        let recorder = try Recorder(lab, ["dumpcap", "-q", "-i", Lab.ports.near, "-i", Lab.ports.far], to: file)
        try lab.startWebServer(port: 80)
        #expect(try lab.fetch(port: 80) == 300_000)
        #expect(try lab.ping("10.77.0.2") == 3)
        try recorder.end(after: weir.counters().framesOnPorts)
        let run = try #require(weir.stop().counters)
        let replayed = try #require(try Self.replay(lab, options + ["-q", file.path]).counters)
        #expect(replayed.reasons == run.reasons)
        for (live, again) in zip(run.rules, replayed.rules) {
            #expect((again.frames, again.bytes) == (live.frames, live.bytes), "\(live.text)")
        }
        #expect(run.rules.first { $0.text.contains("\"invalid\"") }?.frames == 0)
        #expect(run.rules.first { $0.text.contains("\"established\"") }.map { $0.frames > 10 } == true)
    }
}
