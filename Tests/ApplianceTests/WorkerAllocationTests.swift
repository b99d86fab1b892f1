import Appliance
import CAllocationCounter
import CNetworkNamespace
import Capture
import Classifier
import Decisions
import Firewall
import Foundation
import Glibc
import PacketIO
import Reporting
import Ruleset
import Synchronization
import Testing

#if DEBUG
private let isOptimized = false
#else
private let isOptimized = true
#endif

/// In CI nothing is skipped: what is missing fails.
private let canRun = ProcessInfo.processInfo.environment["CI"] != nil || geteuid() == 0

@Suite struct WorkerAllocationTests {
    /// A whole worker over real sockets, in a network namespace of its thread's own: received, also the slow way, judged, sent, also in
    /// pieces and in fragments, rejected or too big and answered, changed in fragments, logged into a group's capture, and dropped into a
    /// capture and an event, and not one allocation more for many frames than for few.
    @Test(
        "a worker allocates nothing per frame", .enabled(if: isOptimized, "an unoptimized build allocates per frame"),
        .enabled(if: canRun, "needs root for packet sockets and a network namespace"))
    func forwarding() throws {
        let (few, many) = try onThreadWithOwnNetwork {
            try Wires.makeCables()
            return (try Run(frames: 640).allocations(), try Run(frames: 64_000).allocations())
        }
        #expect(few == many)
    }
}

/// One run of a worker between two cables' ends.
private struct Run {
    let frames: Int

    /// Forwards the frames, sees that all that should pass did, and says how often the worker's thread allocated.
    func allocations() throws -> UInt {
        let rules = SourceFile(
            name: "test",
            text: """
                table bridge filter {
                    set unwanted {
                        type inet_service; flags interval
                        elements = { 9, 100-200 }
                    }
                    chain forward {
                        type filter hook forward priority 0; policy accept;
                        limit rate over 1/second log prefix "many "
                        udp dport 9 log group 3 snaplen 64
                        udp dport 11 reject
                        udp dport 12 ip dscp set ef
                        meter ports { udp dport quota 5 kbytes } counter
                        udp dport vmap { 5 : drop, 7 : accept, 1000-2000 : drop }
                        udp dport @unwanted counter drop
                    }
                }
                """)
        let program = try Program(compiling: Ruleset.read(rules).ruleset, ports: ["weir-b", "weir-c"])
        let judged = FirewallCounters(for: program)
        let counters = [PortCounters(), PortCounters()]
        let control = WorkerControl()
        control.nearMTU.store(1500, ordering: .relaxed)
        control.farMTU.store(1490, ordering: .relaxed)
        control.farSuperFrames.store(SuperFrameLimits(maximum: 6001, maximumIPv4: 6001).packed, ordering: .relaxed)
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("weir-\(UUID().uuidString).pcap").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let drops = try DropCapture(path: path, workers: 1)
        let group = try DropCapture(path: "/dev/null", workers: 1)
        let waker = try Waker()
        let sender = try Wires.socket("weir-a")
        let near = try Wires.socket("weir-b")
        let far = try Wires.socket("weir-c")
        try near.open()
        try far.open()

        let generator = Thread { [frames] in
            // One in four is dropped. Of sixteen one leaves in pieces, one is cut into fragments, one too big and one rejected, and two are
            // fragments of a datagram that is changed. Not faster than the ring is emptied, so that none is lost before the worker.
            for number in 0..<frames {
                switch number % 16 {
                case 1: _ = Wires.superFrame.withUnsafeBytes { write(sender.number, $0.baseAddress, $0.count) }
                case 2: _ = Wires.largest(flags: 0).withUnsafeBytes { sender.send($0) }
                case 3: _ = Wires.largest(flags: 0x40).withUnsafeBytes { sender.send($0) }
                case 5: _ = Wires.datagram(port: 11).withUnsafeBytes { sender.send($0) }
                case 6: _ = Wires.fragment(of: number, isFirst: true).withUnsafeBytes { sender.send($0) }
                case 7: _ = Wires.fragment(of: number - 1, isFirst: false).withUnsafeBytes { sender.send($0) }
                default: _ = Wires.datagram(port: number % 4 == 0 ? 9 : 7).withUnsafeBytes { sender.send($0) }
                }
                let deadline = Date(timeIntervalSinceNow: 10)
                while number % 64 == 63, counters[0].value(.receivedFrames) <= UInt64(number), Date() < deadline { usleep(50) }
            }
            control.isStopping.store(true, ordering: .relaxed)
        }
        var worker = Worker(
            number: 0, firewall: Firewall(program: program, counters: judged), counters: counters, control: control, drops: drops,
            groups: GroupOutputs([3: group], program), reportsDrops: true)
        generator.start()
        let before = allocations_of_this_thread()
        let ring = Thread {
            while !control.isStopping.load(ordering: .relaxed) { usleep(1000) }
            waker.wake()
        }
        ring.start()
        let started = allocations_of_this_thread()
        worker.run(near, far, waker: waker)
        let after = allocations_of_this_thread()
        #expect(started >= before)
        for capture in [drops, group] {
            capture.finish()
            capture.run()
        }

        #expect(counters[0].value(.receivedFrames) == UInt64(frames))
        #expect(counters[0].value(.truncated) == 0)
        let rounds = UInt64(frames / 16)
        #expect(counters[1].value(.sentFrames) == rounds * UInt64(6 + Wires.pieces + 2 + 2))
        let snapshot = judged.snapshot()
        #expect(snapshot[.rule].frames == 4 * rounds && snapshot[.reject].frames == rounds && snapshot[.tooBig].frames == rounds)
        #expect(counters[1].value(.fragmented) == rounds && counters[1].value(.fragments) == 2 * rounds)
        #expect(counters[0].value(.answers) > 0)
        #expect(counters[0].value(.answers) + counters[0].value(.answersOverRate) == 2 * rounds)
        #expect(group.written + group.lost == 4 * rounds)
        #expect(drops.written + drops.lost == 6 * rounds)
        return after - started
    }
}

private enum Wires {
    /// weir-a is one cable's end, weir-b its other; weir-c and weir-d the second cable.
    static func makeCables() throws {
        // The ends' own hosts must not add a frame of theirs (router solicitation, MLD) to those that are counted.
        try #require(try run("sysctl", ["-qw", "net.ipv6.conf.default.disable_ipv6=1"]) == 0)
        for arguments in [
            "link add weir-a type veth peer name weir-b", "link add weir-c type veth peer name weir-d", "link set weir-a up",
            "link set weir-b up", "link set weir-c up", "link set weir-d up",
        ] {
            try #require(try run("ip", arguments.split(separator: " ").map(String.init)) == 0, "ip \(arguments)")
        }
    }

    /// Runs a program in this thread's namespace, which Foundation's Process, with a thread of its own, doesn't promise.
    private static func run(_ program: String, _ arguments: [String]) throws -> Int32 {
        var process = pid_t()
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        let code = posix_spawnp(&process, program, nil, nil, &words, environ)
        try #require(code == 0, "\(program) can't be run: \(SystemCallError.name(of: code))")
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        return status
    }

    static func socket(_ name: String) throws -> PortSocket {
        let link = try #require(try Links().link(named: name))
        return try PortSocket(link, shape: RingShape(slots: 512, slotBytes: 2048))
    }

    /// TCP of 20,000 bytes in segments of 1,448, its `virtio_net_hdr` before it; the port takes four segments at a time.
    static let superFrame: [UInt8] =
        [1, 1, 54, 0, 0xa8, 0x05, 34, 0, 16, 0] + [UInt8](repeating: 2, count: 12)
        + [0x08, 0, 0x45, 0, 0x4e, 0x48, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
        + [0, 9, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0] + [UInt8](repeating: 0x41, count: 20_000)
    static let pieces = 4

    /// 1,500 bytes, with DF (0x40) or without (0).
    static func largest(flags: UInt8) -> [UInt8] {
        [UInt8](repeating: 2, count: 12) + [
            0x08, 0, 0x45, 0, 0x05, 0xdc, 0, 0, flags, 0, 64, 17, 0x61 ^ flags, 0x0f, 10, 0, 0, 1, 10, 0, 0, 2,
        ]
            + [0, 9, 0, 7, 0x05, 0xc8, 0, 0] + [UInt8](repeating: 0x41, count: 1_472)
    }

    /// Half of a datagram to port 12.
    static func fragment(of number: Int, isFirst: Bool) -> [UInt8] {
        let identification = [UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number)]
        return [UInt8](repeating: 2, count: 12) + [0x08, 0, 0x45, 0, 0, 44] + identification + (isFirst ? [0x20, 0] : [0, 3])
            + [64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2] + (isFirst ? [0, 9, 0, 12, 0, 48, 0, 0] : [UInt8](repeating: 0x42, count: 8))
            + [UInt8](repeating: 0x41, count: 16)
    }

    /// A UDP datagram of 60 bytes with its Ethernet header.
    static func datagram(port: UInt8) -> [UInt8] {
        [UInt8](repeating: 2, count: 12) + [0x08, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0x66, 0xbd, 10, 0, 0, 1, 10, 0, 0, 2]
            + [0, 9, 0, port, 0, 26, 0, 0] + [UInt8](repeating: 0x41, count: 18)
    }
}

/// Runs `body` on a thread in a network namespace that only that thread and its children are in, and that goes with it.
private func onThreadWithOwnNetwork<T: Sendable>(_ body: @escaping @Sendable () throws -> T) throws -> T {
    let outcome = Outcome<T>()
    let thread = Thread {
        outcome.value = Result {
            let code = enter_new_network_namespace()
            try #require(code == 0, "a network namespace can't be made: \(SystemCallError.name(of: code))")
            return try body()
        }
        outcome.done.signal()
    }
    thread.start()
    outcome.done.wait()
    return try #require(outcome.value).get()
}

private final class Outcome<T: Sendable>: @unchecked Sendable {
    var value: Result<T, any Error>?
    let done = DispatchSemaphore(value: 0)
}
