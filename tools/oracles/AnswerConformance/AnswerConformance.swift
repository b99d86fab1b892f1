import Answers
import ArgumentParser
import Foundation
import FrameBuilder
import KernelBridge
import Wire

/// Random packets, rejected by the kernel and by Weir: the same answers.
@main
struct AnswerConformance: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "answer-conformance",
        abstract: "Hold Weir's answers to rejected packets to those of the kernel, on random packets.",
        discussion: """
            Every round has the kernel reject what comes, at the ingress of a device or as a router, and sends random packets through it. \
            Answers are compared byte for byte, apart from what the two do differently on purpose: how much of a packet is quoted, the \
            type of service, and at a router the source of errors and the identification. Exit code 0 if nothing differs, else 1. Needs root.
            """)

    @OptionGroup
    var options: OracleOptions

    @Option(help: "Packets in a round.")
    var packets = 400

    @Flag(help: "The kernel rejects as a router, in place of at the ingress of a device.")
    var router = false

    @Flag(help: "Hold the fragments of packets that are too big to those of a router, in place of answers.")
    var fragments = false

    func run() throws {
        try options.inFolder { folder in
            if fragments { return try compareFragments(in: folder) }
            try run(in: folder)
        }
    }

    private func compareFragments(in folder: URL) throws {
        var comparison = try FragmentComparison(folder: folder)
        let seeds = try options.forEachRound { round in try comparison.run(round, packets: min(max(packets, 1), 60_000)) }
        print(
            "seeds \(seeds): \(comparison.packets) packets in \(comparison.fragments) fragments, \(comparison.differences) differences")
        if comparison.differences > 0 || comparison.fragments <= comparison.packets { throw ExitCode.failure }
    }

    private func run(in folder: URL) throws {
        let bed = try AnswerBed(folder: folder, isRouted: router)
        var tally = Tally()
        let seeds = try options.forEachRound { round in
            let kind = Kind.all[Int(round % UInt64(Kind.all.count))]
            try run(round, kind, bed, &tally)
        }
        print("seeds \(seeds): \(tally)")
        if tally.differences > 0 || tally.answers == 0 || tally.silences == 0 { throw ExitCode.failure }
    }

    private func run(_ round: UInt64, _ kind: Kind, _ bed: AnswerBed, _ tally: inout Tally) throws {
        try bed.load("reject \(kind.words)")
        _ = bed.near.received()
        var source = PacketSource(random: SeededGenerator(seed: round), isRouted: router, router: bed.router)
        var sent: [UInt32: SentPacket] = [:]
        var arrived: [[UInt8]] = []
        for number in 1...UInt32(packets) {
            let packet = source.packet(number)
            guard bed.near.send(packet.bytes) else { continue }
            sent[number] = packet
            if number % 32 == 0 { arrived += bed.near.received() }
        }
        var last = ContinuousClock.now
        while ContinuousClock.now - last < .milliseconds(30) {
            let more = bed.near.received()
            if more.isEmpty { usleep(1000) } else { last = .now }
            arrived += more
        }
        var answers: [UInt32: [[UInt8]]] = [:]
        for bytes in arrived {
            guard let number = Self.number(ofAnswer: bytes) else { continue }
            answers[number, default: []].append(bytes)
        }
        for (number, packet) in sent.sorted(by: { $0.key < $1.key }) where !packet.isArbitrary {
            let theirs = answers[number] ?? []
            let ours = kind.answer(to: packet.bytes)
            tally.packets += 1
            if ours == nil { tally.silences += 1 } else { tally.answers += 1 }
            guard let text = difference(theirs, ours, packet.bytes) else { continue }
            tally.differences += 1
            if tally.differences <= 10 {
                print("seed \(round), reject \(kind.words), packet \(number): \(text)\n  \(hexadecimal(packet.bytes))")
            }
        }
    }

    /// The packet's number, which is in the destination of its answer.
    private static func number(ofAnswer bytes: [UInt8]) -> UInt32? {
        let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
        guard
            frame.network == .ipv4 && frame.destination >> 24 == 10 || frame.network == .ipv6 && frame.destination >> 80 == 0x2001_0db8_0001
        else { return nil }
        return UInt32(truncatingIfNeeded: frame.destination) & 0xff_ffff
    }

    private func difference(_ theirs: [[UInt8]], _ ours: [UInt8]?, _ packet: [UInt8]) -> String? {
        guard theirs.count == (ours == nil ? 0 : 1) else {
            return "the kernel sends \(theirs.count) answers, and Weir \(ours == nil ? "none" : hexadecimal(ours ?? []))"
        }
        guard let their = theirs.first, let ours else { return nil }
        let view = router ? Comparable.routed : Comparable.atDevice
        let (left, right) = (view(their), view(ours))
        return left == right ? nil : "the kernel sends \(hexadecimal(left)), and Weir \(hexadecimal(right))"
    }
}

struct Tally: CustomStringConvertible {
    var packets = 0, answers = 0, silences = 0, differences = 0

    var description: String { "\(packets) packets, \(answers) of them answered, \(silences) not; \(differences) differences" }
}

/// One way to reject.
struct Kind {
    var words: String
    var answer: Answer
    /// Of which packets the rule rejects: nft matches them before it.
    var isFor: @Sendable (ParsedFrame) -> Bool

    static let all: [Kind] = {
        let icmp: [(String, UInt8)] = [
            ("net-unreachable", 0), ("host-unreachable", 1), ("prot-unreachable", 2), ("port-unreachable", 3), ("net-prohibited", 9),
            ("host-prohibited", 10), ("admin-prohibited", 13),
        ]
        let icmpv6: [(String, UInt8)] = [
            ("no-route", 0), ("admin-prohibited", 1), ("addr-unreachable", 3), ("port-unreachable", 4), ("policy-fail", 5),
            ("reject-route", 6),
        ]
        let either: [(String, UInt8, UInt8)] = [
            ("port-unreachable", 3, 4), ("admin-prohibited", 13, 1), ("no-route", 0, 0), ("host-unreachable", 1, 3),
        ]
        let reset = Kind(words: "with tcp reset", answer: .tcpReset) { $0.transportProtocol == IPProtocol.tcp }
        var others = icmp.map { name, code in
            Kind(words: "with icmp \(name)", answer: .unreachable(icmp: code, icmpv6: 255)) { $0.network == .ipv4 }
        }
        others += icmpv6.map { name, code in
            Kind(words: "with icmpv6 \(name)", answer: .unreachable(icmp: 255, icmpv6: code)) { $0.network == .ipv6 }
        }
        others += either.map { name, icmp, icmpv6 in
            Kind(words: "with icmpx \(name)", answer: .unreachable(icmp: icmp, icmpv6: icmpv6)) { _ in true }
        }
        // Every other round is one of resets.
        return others.flatMap { [reset, $0] }
    }()

    func answer(to bytes: [UInt8]) -> [UInt8]? {
        let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
        guard isFor(frame) else { return nil }
        var output = [UInt8](repeating: 0, count: 2048)
        var span = output.mutableSpan
        var raw = span.mutableBytes
        return answer.write(to: AnsweredFrame(frame), bytes.span.bytes, into: &raw).map { Array(output[..<$0]) }
    }
}

/// What of an answer is compared.
enum Comparable {
    /// At a device: all, with a quote of the kernel's 536 or 1,220 bytes and without a type of service.
    static func atDevice(_ bytes: [UInt8]) -> [UInt8] {
        let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
        switch frame.transportProtocol {
        case IPProtocol.icmp:
            var packet = Array(bytes[14...].prefix(20 + 8 + 536))
            packet[1] = 0
            packet.replaceSubrange(2..<4, with: UInt16(packet.count).networkBytes)
            return bytes[..<14] + summed(packet)
        case IPProtocol.icmpv6:
            var packet = Array(bytes[14...].prefix(40 + 8 + 1220))
            packet.replaceSubrange(4..<6, with: UInt16(packet.count - 40).networkBytes)
            return bytes[..<14] + summed(packet)
        default: return bytes
        }
    }

    /// At a router, which has an address of its own and has counted the hop limit down: all of a reset, and of an error what it says and
    /// how much it quotes.
    static func routed(_ bytes: [UInt8]) -> [UInt8] {
        let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
        let packet = Array(bytes[14...])
        let start = frame.transportOffset - 14
        switch frame.transportProtocol {
        case IPProtocol.icmp:
            return Array(packet[1..<4] + packet[8..<10] + packet[16..<22]) + packet[(start + 4)..<(start + 16)] + packet[(start + 20)...]
        case IPProtocol.icmpv6: return Array(packet[4..<8] + packet[24..<42]) + packet[(start + 4)..<(start + 15)] + packet[(start + 16)...]
        default: return packet
        }
    }

    /// With the checksums that it ought to have, if it had the right ones; else as it is.
    private static func summed(_ packet: [UInt8]) -> [UInt8] {
        var packet = packet
        if packet[0] >> 4 == 4 {
            packet.replaceSubrange(10..<12, with: [0, 0])
            packet.replaceSubrange(10..<12, with: plainChecksum(Array(packet[..<20])).networkBytes)
            packet.replaceSubrange(22..<24, with: [0, 0])
            packet.replaceSubrange(22..<24, with: plainChecksum(Array(packet[20...])).networkBytes)
            return packet
        }
        packet.replaceSubrange(42..<44, with: [0, 0])
        let pseudo: [UInt8] = Array(packet[8..<40]) + UInt32(packet.count - 40).networkBytes + [0, 0, 0, 58]
        packet.replaceSubrange(42..<44, with: plainChecksum(pseudo + packet[40...]).networkBytes)
        return packet
    }
}
