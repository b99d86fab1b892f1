import Capture
import Ruleset
import Wire

/// How it is known by which port a recorded frame came.
public enum IngressChoice: Sendable, Equatable {
    /// By the interface of the capture that has the port's name.
    case interfaceNames
    /// All by one port, by its index.
    case port(UInt8)
    /// By the station that sent it: MAC addresses in the low 48 bits, with the indices of the ports that they are at, and the port
    /// that all others are at, if they are at one.
    case stations([UInt64: UInt8], others: UInt8?)
}

/// By which port the frames of a capture came.
struct IngressFinder: ~Copyable {
    enum Answer: Equatable {
        case port(UInt8)
        /// The frame as it went out by the other port: it is in the capture as it came, too.
        case leaving
        /// It is of an interface that is none of the ports.
        case elsewhere
        /// Nobody has said where its sender is.
        case unknownStation
    }

    /// What only depends on the interface.
    private struct Interface {
        /// The port that has its name.
        var port: UInt8?
        var isEthernet: Bool
    }

    private let ports: [String]
    private let choice: IngressChoice
    private var stations = StationTable()
    private var others: UInt8?
    /// The interfaces of the section that is read.
    private var interfaces: [Interface] = []
    private var section = -1
    /// Which of the two ports are in the section. With both of them, a frame may be there as it came and as it left.
    private var hasPort = (false, false)

    init(ports: [String], choice: IngressChoice) {
        self.ports = ports
        self.choice = choice
        if case .stations(let known, let others) = choice {
            for (address, port) in known { stations.set(port, for: address) }
            self.others = others
        }
    }

    /// - Throws: Where a frame can't be judged for what the capture says, or doesn't say, of its interface.
    mutating func ingress(of frame: CapturedFrame, in reader: borrowing CaptureReader) throws(ReplayProblem) -> Answer {
        if section != reader.sectionCount || interfaces.count != reader.interfaceCount { look(at: reader) }
        let named = interfaces[frame.interface].port
        switch choice {
        case .port(let port):
            try expectEthernet(frame, reader)
            return .port(port)
        case .stations:
            guard let port = station(of: frame).map({ stations.port(of: $0) ?? others }) ?? others else { return .unknownStation }
            if let named, frame.direction == .outbound || named != port { return .leaving }
            try expectEthernet(frame, reader)
            return .port(port)
        case .interfaceNames:
            guard let named else {
                guard hasPort.0 || hasPort.1 else { throw .ingress(noPort(reader)) }
                return .elsewhere
            }
            try expectEthernet(frame, reader)
            switch frame.direction {
            case .inbound: return .port(named)
            case .outbound: return .leaving
            case .unknown:
                // As a bridge learns: a frame comes in before it goes out.
                guard hasPort.0, hasPort.1, let station = station(of: frame) else { return .port(named) }
                guard let known = stations.port(of: station) else {
                    stations.set(named, for: station)
                    return .port(named)
                }
                return known == named ? .port(named) : .leaving
            }
        }
    }

    /// To be called before each file.
    mutating func beginFile() { section = -1 }

    /// Takes in what the section has described since.
    private mutating func look(at reader: borrowing CaptureReader) {
        if section != reader.sectionCount {
            section = reader.sectionCount
            interfaces.removeAll()
            hasPort = (false, false)
        }
        for index in interfaces.count..<reader.interfaceCount {
            let interface = reader.interface(index)
            let port = ports.firstIndex { $0 == interface.name }
            if port == 0 { hasPort.0 = true }
            if port == 1 { hasPort.1 = true }
            interfaces.append(Interface(port: port.map { UInt8(truncatingIfNeeded: $0) }, isEthernet: interface.isEthernet))
        }
    }

    @inline(__always)
    private func expectEthernet(_ frame: CapturedFrame, _ reader: borrowing CaptureReader) throws(ReplayProblem) {
        guard interfaces[frame.interface].isEthernet else { throw .capture(reader.linkTypeFault(of: frame.interface)) }
    }

    /// The source's address; nil of a frame that ends before it.
    @inline(__always)
    private func station(of frame: CapturedFrame) -> UInt64? {
        frame.bytes.count >= 12 ? UnsafeRawBufferPointer(frame.bytes).bytes.be48(at: 6) : nil
    }

    /// What to do about a capture that doesn't tell.
    private func noPort(_ reader: borrowing CaptureReader) -> String {
        let names = (0..<min(reader.interfaceCount, 100)).compactMap { reader.interface($0).name }
        let what =
            names.isEmpty
            ? "doesn't say by which interface its frames came"
            : "has frames of \(Set(names.map(PrintableText.line)).sorted().prefix(8).joined(separator: ", ")), and the ports are \(ports.joined(separator: " and "))"
        return "\(reader.path) \(what); give --ingress \(ports.first ?? "") if all came by it, or "
            + "--ingress-mac \(ports.first ?? "")=MAC,… with the stations at that port"
    }
}
