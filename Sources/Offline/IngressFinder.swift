import Capture
import Wire

/// How it is known by which port a recorded frame came.
public enum IngressChoice: Sendable, Equatable {
    /// By the interface of the capture that has the port's name.
    case interfaceNames
    /// All by one port, by its index.
    case port(UInt8)
    /// By the station that sent it: MAC addresses in the low 48 bits, with the indices of the ports that they are behind, and the port
    /// that all others are behind, if they are behind one.
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

    /// What follows from the interface alone.
    private enum Interface: Equatable {
        case port(UInt8), other
    }

    private let ports: [String]
    private let choice: IngressChoice
    private var stations = StationTable()
    private var others: UInt8?
    private var interfaces: [Interface] = []
    private var version = -1
    /// Both ports are in the capture, so that a frame may be there as it came and as it left.
    private var hasBothPorts = false

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
        if version != reader.interfacesVersion { try look(at: reader) }
        let interface = interfaces[frame.interface]
        switch choice {
        case .port(let port):
            try expectEthernet(frame, reader)
            return .port(port)
        case .stations:
            guard let port = station(of: frame).map({ stations.port(of: $0) ?? others }) ?? others else { return .unknownStation }
            guard case .port(let named) = interface else {
                try expectEthernet(frame, reader)
                return .port(port)
            }
            return frame.direction == .outbound || named != port ? .leaving : .port(port)
        case .interfaceNames:
            guard case .port(let port) = interface else {
                guard interfaces.contains(where: { $0 != .other }) else { throw .ingress(noPort(reader, frame.interface)) }
                return .elsewhere
            }
            switch frame.direction {
            case .inbound: return .port(port)
            case .outbound: return .leaving
            case .unknown:
                // As a bridge learns: a frame comes in before it goes out.
                guard hasBothPorts, let station = station(of: frame) else { return .port(port) }
                guard let known = stations.port(of: station) else {
                    stations.set(port, for: station)
                    return .port(port)
                }
                return known == port ? .port(port) : .leaving
            }
        }
    }

    /// To be called in front of each file.
    mutating func beginFile() {
        version = -1
        hasBothPorts = false
    }

    private mutating func look(at reader: borrowing CaptureReader) throws(ReplayProblem) {
        version = reader.interfacesVersion
        interfaces.removeAll()
        for index in 0..<reader.interfaceCount {
            let interface = reader.interface(index)
            guard let port = ports.firstIndex(where: { $0 == interface.name }) else {
                interfaces.append(.other)
                continue
            }
            guard interface.isEthernet else { throw .capture(reader.linkTypeFault(of: index)) }
            interfaces.append(.port(UInt8(truncatingIfNeeded: port)))
        }
        hasBothPorts = ports.indices.allSatisfy { interfaces.contains(.port(UInt8(truncatingIfNeeded: $0))) }
    }

    private func expectEthernet(_ frame: CapturedFrame, _ reader: borrowing CaptureReader) throws(ReplayProblem) {
        guard reader.interface(frame.interface).isEthernet else { throw .capture(reader.linkTypeFault(of: frame.interface)) }
    }

    /// The source's address; nil of a frame that ends before it.
    @inline(__always)
    private func station(of frame: CapturedFrame) -> UInt64? {
        frame.bytes.count >= 12 ? UnsafeRawBufferPointer(frame.bytes).bytes.be48(at: 6) : nil
    }

    /// What to do about a capture that doesn't tell.
    private func noPort(_ reader: borrowing CaptureReader, _ index: Int) -> String {
        let names = (0..<reader.interfaceCount).compactMap { reader.interface($0).name }
        let what =
            names.isEmpty
            ? "doesn't say by which interface its frames came"
            : "is of \(Set(names).sorted().prefix(8).joined(separator: ", ")), and the ports are \(ports.joined(separator: " and "))"
        return "\(reader.path) \(what); say by which port they came, with --ingress \(ports.first ?? "") for all of them, or with "
            + "--ingress-mac \(ports.first ?? "")=MAC,… for those that these stations sent"
    }
}
