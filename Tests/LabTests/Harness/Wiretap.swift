import Foundation

/// The two hosts, as a test plays them.
enum Side: String, Sendable, Codable, CaseIterable {
    case near, far

    var other: Side { self == .near ? .far : .near }
    /// The port of the firewall that faces this host.
    var port: String { self == .near ? Lab.ports.near : Lab.ports.far }
}

/// A frame to send: hexadecimal or a scapy expression in the words of Support/frames.py.
struct OutgoingFrame: Sendable, Codable {
    let from: Side
    let frame: String
    /// The fields of its `virtio_net_hdr`: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset.
    var offload: [Int]?
}

/// A frame that came out, its outer tag put back.
struct IncomingFrame: Sendable, Codable {
    /// Hexadecimal.
    let frame: String
    let offload: [Int]
    /// Its checksum was left to be finished by hardware.
    let partial: Bool
    /// The checksum of its TCP or UDP is right; nil where there is none to look at.
    let sound: Bool?
}

/// What a wiretap saw of one exchange.
struct Exchange: Sendable, Codable {
    /// The frames that were sent, in hexadecimal; nil for one that the sending host's kernel refused.
    private(set) var sent: [String?]
    private(set) var errors: [String]
    private(set) var near: [IncomingFrame]
    private(set) var far: [IncomingFrame]

    func received(at side: Side) -> [IncomingFrame] { side == .near ? near : far }
    func frames(at side: Side) -> [String] { received(at: side).map(\.frame) }

    mutating func add(_ later: Exchange) {
        sent += later.sent
        errors += later.errors
        near += later.near
        far += later.far
    }
}

/// What became of numbered frames.
struct SequenceResult: Sendable, Codable {
    let received, duplicates, reordered, returned: Int
}

/// Support/wiretap.py at work in a lab: packet sockets at both ends of the wire.
final class Wiretap {
    private weak var lab: Lab?
    private let process = Process()
    private let requests = Pipe()
    private let answers = Pipe()
    private var pending = Data()

    init(_ lab: Lab) throws {
        guard let script = Bundle.module.url(forResource: "Support/wiretap", withExtension: "py") else {
            throw CommandFailure(description: "Support/wiretap.py is not among the test's resources")
        }
        self.lab = lab
        process.executableURL = URL(filePath: "/usr/bin/env")
        // Ends by itself in the end, so that a test that waits for its answer does too.
        process.arguments = [
            "timeout", "-k", "1", "120", "/usr/bin/python3", script.path,
            lab.namespace(of: .near), Lab.interfaces.near, lab.namespace(of: .far), Lab.interfaces.far,
        ]
        process.standardInput = requests
        process.standardOutput = answers
        try process.run()
        // Its sockets are open when it answers.
        _ = try listen(for: .zero)
    }

    deinit {
        try? requests.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    private struct Request: Codable {
        let `do`: String
        var frames: [OutgoingFrame]?
        var quiet: Double?
        var awaited: Int?
        var seconds: Double?
        var from: Side?
        var flows: [String]?
        var count: Int?
    }

    private struct Failure: Codable {
        let failure: String
    }

    private func ask<Answer: Decodable>(_ request: Request) throws -> Answer {
        var line = try JSONEncoder().encode(request)
        line.append(UInt8(ascii: "\n"))
        try requests.fileHandleForWriting.write(contentsOf: line)
        while true {
            if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                let answer = Data(pending[..<end])
                pending = Data(pending[(end + 1)...])
                if let failure = try? JSONDecoder().decode(Failure.self, from: answer) {
                    throw CommandFailure(description: "wiretap: \(failure.failure)")
                }
                return try JSONDecoder().decode(Answer.self, from: answer)
            }
            let more = answers.fileHandleForReading.availableData
            guard !more.isEmpty else { throw CommandFailure(description: "the wiretap has ended") }
            pending.append(more)
        }
    }

    /// Sends frames in order and returns what came out of both ends, once nothing more comes for `quiet`. If Weir is in the middle, it has
    /// judged them all by then: a machine that gives it no turn for so long changes nothing.
    ///
    /// More frames than a burst go in bursts, each when the one before has been taken: a machine that gives Weir no turn for a while loses
    /// none before its ring.
    ///
    /// - Parameter awaited: how many frames should come out; while fewer have, a slow machine gets more time.
    func exchange(_ frames: [OutgoingFrame], quiet: Duration = .milliseconds(100), awaiting awaited: Int = 0) throws -> Exchange {
        // What is awaited at the end of a burst is what Weir has taken.
        guard frames.count > Self.burst, lab?.middle?.isRunning ?? false else {
            return try exchangeAtOnce(frames, quiet: quiet, awaiting: awaited)
        }
        var exchange: Exchange?
        for start in stride(from: 0, to: frames.count, by: Self.burst) {
            let end = min(start + Self.burst, frames.count)
            let part = try exchangeAtOnce(
                Array(frames[start..<end]), quiet: end == frames.count ? quiet : .milliseconds(5),
                awaiting: end == frames.count ? max(0, awaited - (exchange.map { $0.near.count + $0.far.count } ?? 0)) : 0)
            if exchange == nil { exchange = part } else { exchange?.add(part) }
        }
        guard let exchange else { throw CommandFailure(description: "nothing was sent") }
        return exchange
    }

    /// Frames that are sent without looking at what has become of them.
    private static let burst = 256

    private func exchangeAtOnce(_ frames: [OutgoingFrame], quiet: Duration = .milliseconds(100), awaiting awaited: Int = 0) throws
        -> Exchange
    {
        var exchange: Exchange = try ask(Request(do: "exchange", frames: frames, quiet: quiet / .seconds(1), awaited: awaited))
        lab?.framesSent += UInt64(exchange.sent.count { $0 != nil })
        let came = exchange.near.count + exchange.far.count
        guard awaited == 0 || came < awaited, let weir = lab?.middle, weir.isRunning else { return exchange }
        _ = try weir.counters()
        exchange.add(try ask(Request(do: "more", quiet: 0.01)))
        return exchange
    }

    /// Sends one frame.
    func send(_ frame: String, from side: Side, quiet: Duration = .milliseconds(60), awaiting awaited: Int = 0) throws -> Exchange {
        try exchange([OutgoingFrame(from: side, frame: frame)], quiet: quiet, awaiting: awaited)
    }

    /// What comes out while nothing is sent.
    func listen(for duration: Duration) throws -> Exchange {
        try ask(Request(do: "listen", seconds: duration / .seconds(1)))
    }

    /// Sends `count` numbered copies of each flow's frame, the flows in turn.
    func sequence(of flows: [String], from side: Side, count: Int) throws -> SequenceResult {
        let result: SequenceResult = try ask(Request(do: "sequence", from: side, flows: flows, count: count))
        lab?.framesSent += UInt64(flows.count * count)
        return result
    }
}
