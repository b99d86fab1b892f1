import Foundation

/// Support/receiver.py at work on `far`: what a real host's stack delivers.
final class Receiver {
    struct Delivery: Decodable, Hashable {
        let from: String
        /// Hexadecimal.
        let payload: String
    }

    private let process: Background

    /// Listens on a UDP port and to an IP protocol.
    init(_ lab: Lab, udpPort: UInt16, protocol number: UInt8) throws {
        guard let script = Bundle.module.url(forResource: "Support/receiver", withExtension: "py") else {
            throw CommandFailure(description: "Support/receiver.py is not among the test's resources")
        }
        process = try lab.start(in: .far, ["/usr/bin/python3", script.path, "\(udpPort)", "\(number)"])
        guard eventually(within: .seconds(30), { process.outputText.hasPrefix("ready") }) else {
            throw CommandFailure(description: "the receiver does not listen: \(process.errorText)")
        }
    }

    /// All that was delivered so far.
    func deliveries() throws -> [Delivery] {
        try process.outputText.completeLines.dropFirst().map { try JSONDecoder().decode(Delivery.self, from: Data($0.utf8)) }
    }

    /// The same once as many are there, and what came right behind them.
    func deliveries(awaiting count: Int, quiet: Duration = .milliseconds(150)) throws -> [Delivery] {
        _ = try eventually(within: .seconds(10), every: .milliseconds(20)) { try deliveries().count >= count }
        sleep(for: quiet)
        return try deliveries()
    }
}

extension [UInt8] {
    var hexadecimal: String {
        reduce(into: "") { text, byte in
            if byte < 16 { text += "0" }
            text += String(byte, radix: 16)
        }
    }
}
