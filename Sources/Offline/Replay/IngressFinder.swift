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
        /// It was seen at this port. Its copy at the other port says if it came in there.
        case seen(UInt8)
        /// The frame as it went out by the other port: it is in the capture as it came, too.
        case leaving
        /// It is of an interface that is none of the ports.
        case elsewhere
        /// Nobody has said where its sender is.
        case unknownStation
        /// It is of a link that rules can't judge.
        case otherLink
        /// It is no frame that a bridge would forward.
        case unreadable
    }

    /// What only depends on the interface.
    private struct Interface {
        /// The port that has its name.
        var port: UInt8?
    }

    private let ports: [String]
    private let choice: IngressChoice
    /// The ports by the numbers of interfaces that link headers have.
    private let numbers: [UInt32: UInt8]
    private let hasBothNumbers: Bool
    private var stations = StationTable()
    private var others: UInt8?
    /// The interfaces of the section that is read.
    private var interfaces: [Interface] = []
    private var section = -1
    /// Which of the two ports are in the section. With both of them, a frame may be there as it came and as it left.
    private var hasPort = (false, false)

    init(ports: [String], choice: IngressChoice, numbers: [UInt32: UInt8] = [:]) {
        self.ports = ports
        self.numbers = numbers
        hasBothNumbers = Set(numbers.values).count == 2
        self.choice = choice
        if case .stations(let known, let others) = choice {
            for (address, port) in known { stations.set(port, for: address) }
            self.others = others
        }
    }

    /// - Throws: Where a frame can't be judged for what the capture says, or doesn't say, of its interface.
    mutating func ingress(of frame: CapturedFrame, in reader: borrowing CaptureReader) throws(ReplayProblem) -> Answer {
        switch frame.link {
        case .ethernet, .given: break
        case .refused: return .otherLink
        case .unreadable: return .unreadable
        }
        if section != reader.sectionCount || interfaces.count != reader.interfaceCount { look(at: reader) }
        var named = interfaces[frame.interface].port
        var hasBoth = hasPort.0 && hasPort.1
        if let number = frame.interfaceNumber, !numbers.isEmpty {
            named = numbers[number]
            hasBoth = true
        }
        switch choice {
        case .port(let port):
            return .port(port)
        case .stations:
            guard let port = station(of: frame).map({ stations.port(of: $0) ?? others }) ?? others else { return .unknownStation }
            if let named, frame.direction == .outbound || named != port { return .leaving }
            return .port(port)
        case .interfaceNames:
            guard let named else {
                guard hasPort.0 || hasPort.1 || hasBoth else { throw .ingress(noPort(reader, frame)) }
                return .elsewhere
            }
            switch frame.direction {
            case .inbound: return .port(named)
            case .outbound: return .leaving
            case .unknown:
                return hasBoth ? .seen(named) : .port(named)
            }
        }
    }

    /// Frames of both ports are in the section: they may be out of order, and there twice.
    var isOfBothPorts: Bool {
        if case .port = choice { return false }
        return hasPort.0 && hasPort.1 || hasBothNumbers
    }

    /// True if a frame without a copy at the other port came in: as a bridge learns, by the port at which its sender was first seen, or
    /// seen last with a copy.
    mutating func isEntering(_ bytes: UnsafeRawBufferPointer, at port: UInt8) -> Bool {
        guard let station = Self.station(bytes) else { return true }
        guard let known = stations.port(of: station) else {
            stations.set(port, for: station)
            return true
        }
        return known == port
    }

    /// A frame came in by the port, as its copy at the other says.
    mutating func learn(_ bytes: UnsafeRawBufferPointer, at port: UInt8) {
        if let station = Self.station(bytes) { stations.set(port, for: station) }
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
            interfaces.append(Interface(port: port.map { UInt8(truncatingIfNeeded: $0) }))
        }
    }

    /// The source's address; nil of a frame that ends before it.
    @inline(__always)
    private func station(of frame: CapturedFrame) -> UInt64? { Self.station(UnsafeRawBufferPointer(frame.bytes)) }

    @inline(__always)
    private static func station(_ bytes: UnsafeRawBufferPointer) -> UInt64? { bytes.count >= 12 ? bytes.bytes.be48(at: 6) : nil }

    /// What to do about a capture that doesn't tell.
    private func noPort(_ reader: borrowing CaptureReader, _ frame: CapturedFrame) -> String {
        let names = (0..<min(reader.interfaceCount, 100)).compactMap { reader.interface($0).name }
        let what =
            names.isEmpty
            ? "doesn't say by which interface its frames came"
            : "has frames of \(Set(names.map(PrintableText.line)).sorted().prefix(8).joined(separator: ", ")), and the ports are \(ports.joined(separator: " and "))"
        let map = frame.interfaceNumber.map { "--map \($0)=\(ports.first ?? "") if interface \($0) was that port, " } ?? ""
        return "\(reader.path) \(what); give \(map)--ingress \(ports.first ?? "") if all came by it, or "
            + "--ingress-mac \(ports.first ?? "")=MAC,… with the stations at that port"
    }
}
