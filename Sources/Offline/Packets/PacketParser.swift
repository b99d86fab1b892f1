import Ruleset
import Wire

/// A packet that a line describes.
public struct DescribedPacket: Sendable, Equatable {
    /// Index into the ports.
    public var ingress: Int
    /// Nanoseconds from the start.
    public var time: UInt64
    /// From the destination address on, all tags in their places: one, unless the line asks for fragments.
    public var frames: [[UInt8]]
}

/// Reads descriptions of packets, a line each; `PacketLanguage` says what they look like.
///
/// Every text of any length ends in a packet or in an error that says where and what would be right.
struct PacketParser {
    /// Where the frames of capture files come from: `frame 3 of FILE`.
    package typealias FrameLoader = (_ number: Int, _ path: String) throws -> [UInt8]

    /// Maximum bytes of a frame: an IPv6 packet without jumbo payload, and a few tags.
    static let longestFrame = 65_535 + 40 + 14 + 16
    /// Packets in packets in packets.
    private static let deepestQuote = 4
    private static let mostLayers = 32

    private(set) var tokens: [PacketToken]
    private(set) var index = 0
    private let place: SourceLocation
    private let ports: [String]
    private let loadFrame: FrameLoader?
    private var depth = 0

    init(
        _ tokens: [PacketToken], at place: SourceLocation, ports: [String], loadFrame: FrameLoader? = nil
    ) {
        self.tokens = tokens
        self.place = place
        self.ports = ports
        self.loadFrame = loadFrame
    }

    // MARK: Words

    /// The last token is the end, which is never passed.
    var current: PacketToken { tokens[min(index, tokens.count - 1)] }

    var isAtEnd: Bool { current.kind == .end }

    @discardableResult
    mutating func next() -> PacketToken {
        let token = current
        if index < tokens.count - 1 { index += 1 }
        return token
    }

    func location(_ token: PacketToken) -> SourceLocation {
        SourceLocation(file: place.file, line: place.line, column: token.column, length: max(1, token.length))
    }

    func fail(_ token: PacketToken, _ message: String, note: String? = nil) -> Diagnostic {
        Diagnostic(severity: .error, location: location(token), message: message, note: note)
    }

    /// How a message names a token.
    func shown(_ token: PacketToken) -> String {
        switch token.kind {
        case .end: "the end of the line"
        case .quoted: "a text in quotes"
        default: "'\(PacketNames.shown(token.text))'"
        }
    }

    func unexpected(_ expected: String, note: String? = nil) -> Diagnostic {
        fail(current, "expected \(expected), not \(shown(current))", note: note)
    }

    func at(_ word: String) -> Bool { current.kind == .word && current.text == word }

    mutating func skip(_ word: String) -> Bool {
        guard at(word) else { return false }
        next()
        return true
    }

    mutating func skip(_ kind: PacketToken.Kind) -> Bool {
        guard current.kind == kind else { return false }
        next()
        return true
    }

    /// The next word if it is one of these.
    mutating func option(of words: [String]) -> String? {
        guard current.kind == .word, words.contains(current.text) else { return nil }
        return next().text
    }

    // MARK: Numbers and addresses

    static func integer(_ text: String) -> UInt64? {
        if text.hasPrefix("0x") || text.hasPrefix("0X") {
            let digits = text.dropFirst(2)
            return digits.first == "+" || digits.first == "-" ? nil : UInt64(digits, radix: 16)
        }
        return text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? UInt64(text) : nil
    }

    var isAtNumber: Bool { current.kind == .word && Self.integer(current.text) != nil }

    /// A number in decimal digits, or in hexadecimal ones after `0x`.
    mutating func number<T: FixedWidthInteger & UnsignedInteger>(_ what: String, upTo limit: T = .max) throws(Diagnostic) -> T {
        guard current.kind == .word, let number = Self.integer(current.text) else {
            throw unexpected("\(what), a number from 0 to \(limit)")
        }
        guard number <= UInt64(limit) else { throw fail(current, "\(what) is out of range", note: "accepted: 0 to \(limit)") }
        next()
        return T(truncatingIfNeeded: number)
    }

    /// A number, or a name for one.
    mutating func number<T: FixedWidthInteger & UnsignedInteger>(
        _ what: String, _ kind: PacketNames.Kind, upTo limit: T = .max
    ) throws(Diagnostic) -> T {
        guard current.kind == .word else { throw unexpected(what) }
        if Self.integer(current.text) != nil { return try number(what, upTo: limit) }
        if let number = PacketNames.number(current.text, kind), number <= UInt128(UInt64(limit)) {
            next()
            return T(truncatingIfNeeded: number)
        }
        throw unexpected(what, note: Self.advice(current.text, kind))
    }

    private static func advice(_ word: String, _ kind: PacketNames.Kind) -> String {
        let names = PacketNames.names(kind)
        let list = "accepted: \(names.isEmpty ? "a number, or a name that rule files take" : "a number, " + names.joined(separator: ", "))"
        guard let near = PacketNames.nearest(to: word, kind) else { return list }
        return "did you mean '\(near)'? \(list)"
    }

    mutating func ethernetAddress() throws(Diagnostic) -> UInt64 {
        guard current.kind == .word, let address = PacketNames.ethernet(current.text) else {
            throw unexpected("an Ethernet address", note: "as in 02:00:00:00:00:01")
        }
        next()
        return UInt64(truncatingIfNeeded: address)
    }

    mutating func ipv4Address() throws(Diagnostic) -> UInt32 {
        guard current.kind == .word, let address = PacketNames.ipv4(current.text) else {
            throw unexpected("an IPv4 address", note: "as in 192.0.2.1")
        }
        next()
        return UInt32(truncatingIfNeeded: address)
    }

    mutating func ipv6Address() throws(Diagnostic) -> UInt128 {
        guard current.kind == .word, let address = PacketNames.ipv6(current.text) else {
            throw unexpected("an IPv6 address", note: "as in 2001:db8::1")
        }
        next()
        return address
    }

    /// Between a source and a destination.
    mutating func greater(_ example: String) throws(Diagnostic) {
        guard skip(.greater) else { throw unexpected("'>' between source and destination", note: "as in \(example)") }
    }

    /// A number of bytes that count up, a text in quotes, or hexadecimal digits after `0x`.
    mutating func bytes(_ what: String) throws(Diagnostic) -> [UInt8] {
        if case .quoted(let bytes) = current.kind {
            next()
            return bytes
        }
        let note = "a number of bytes, a text in quotes, or bytes as 0x and hexadecimal digits, two for each"
        guard current.kind == .word else { throw unexpected(what, note: note) }
        if current.text.hasPrefix("0x") {
            let digits = current.text.utf8.dropFirst(2)
            guard digits.count % 2 == 0, let bytes = Self.octets(digits) else {
                throw fail(current, "\(what) has not two hexadecimal digits for each byte", note: note)
            }
            next()
            return bytes
        }
        guard Self.integer(current.text) != nil else { throw unexpected(what, note: note) }
        let count: UInt32 = try number("the number of bytes", upTo: 65_535)
        return (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    }

    static func octets(_ digits: some Sequence<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var high: UInt8?
        for digit in digits {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = digit - UInt8(ascii: "A") + 10
            default: return nil
            }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? bytes : nil
    }

    // MARK: A line

    /// A whole packet, up to the end of the line or to `=>`.
    /// - Parameter now: The time of the packet before, and afterwards of this one.
    mutating func packet(after now: inout UInt64) throws(Diagnostic) -> DescribedPacket {
        var time = try time(after: now)
        let ingress = try port()
        if time == nil { time = try self.time(after: now) }
        now = time ?? now
        let frames = try frames(ingress: ingress)
        guard isAtEnd || current.kind == .arrow else { throw unknownWord(behind: nil, options: []) }
        return DescribedPacket(ingress: ingress, time: now, frames: frames)
    }

    private mutating func port() throws(Diagnostic) -> Int {
        let known = ports.map { "'\(PacketNames.shown($0)):'" }.joined(separator: " or ")
        guard current.kind == .word, current.text.hasSuffix(":"), PacketNames.ipv6(current.text) == nil else {
            throw unexpected("the port by which the packet comes", note: "begin with \(known)")
        }
        guard let port = ports.firstIndex(of: String(current.text.dropLast())) else {
            throw fail(current, "unknown port \(shown(current))", note: "begin with \(known)")
        }
        next()
        return port
    }

    private mutating func frames(ingress: Int) throws(Diagnostic) -> [[UInt8]] {
        if skip("hex") { return try finished([rawFrame()]) }
        if at("frame") { return try finished([recordedFrame()]) }
        var layers = try layers()
        var fields = EthernetFields()
        if let written = layers.first?.ethernet {
            fields = written
            layers.removeFirst()
        }
        // Whom frames go to and come from is seen from the port by which they come.
        fields.source = fields.source ?? (ingress == 0 ? EthernetFields.near : EthernetFields.far)
        fields.destination =
            fields.destination ?? layers.lazy.compactMap(\.linkDestination).first
            ?? (ingress == 0 ? EthernetFields.far : EthernetFields.near)
        layers.insert(ethernet(fields, at: layers.first?.location ?? place), at: 0)
        return try finished([layers.composed()])
    }

    private mutating func rawFrame() throws(Diagnostic) -> [UInt8] {
        let start = current
        var bytes: [UInt8] = []
        while current.kind == .word, let more = Self.octets(current.text.utf8.dropFirst(current.text.hasPrefix("0x") ? 2 : 0)) {
            bytes += more
            next()
        }
        guard !bytes.isEmpty else { throw unexpected("the frame's bytes as hexadecimal digits, two for each") }
        guard bytes.count <= Self.longestFrame else { throw fail(start, "the frame is longer than \(Self.longestFrame) bytes") }
        return bytes
    }

    private mutating func recordedFrame() throws(Diagnostic) -> [UInt8] {
        let start = next()
        let number: UInt32 = try number("the frame's number in the file")
        guard skip("of") else { throw unexpected("'of' and a capture file", note: "as in frame 3 of dropped.pcapng") }
        let file = current
        switch file.kind {
        case .word, .quoted: next()
        default: throw unexpected("the name of a capture file")
        }
        guard let loadFrame else { throw fail(start, "frames of capture files can't be read here") }
        do {
            return try Array(loadFrame(Int(number), file.text).prefix(Self.longestFrame))
        } catch {
            throw fail(file, "\(error)")
        }
    }

    /// One header after the other, up to the payload.
    mutating func layers() throws(Diagnostic) -> [PacketLayer] {
        var layers: [PacketLayer] = []
        var options: [String] = []
        while current.kind == .word, let parse = Self.headers[current.text] {
            guard layers.count < Self.mostLayers else { throw fail(current, "a packet with more than \(Self.mostLayers) headers") }
            try checkPlace(parse, behind: layers.last)
            options = parse.options
            layers.append(try parse.read(&self))
        }
        guard let last = layers.last else {
            throw unexpected("a packet", note: PacketLanguage.startAdvice(for: current.text))
        }
        switch current.kind {
        case .end, .arrow, .close: break
        case .word where Self.frameOptions.contains(current.text): break
        default: throw unknownWord(behind: last.name, options: options)
        }
        return layers
    }

    private func unknownWord(behind name: String?, options: [String]) -> Diagnostic {
        let accepted = options + (name == nil ? [] : Self.followers(of: name ?? "")) + Self.frameOptions
        var note = "accepted: " + accepted.joined(separator: ", ")
        if let near = PacketNames.nearest(to: current.text, among: accepted) { note = "did you mean '\(near)'? \(note)" }
        return fail(current, "unexpected \(shown(current))" + (name.map { " after \($0)" } ?? ""), note: note)
    }

    /// A packet in parentheses, as ICMP errors quote it.
    mutating func quotedPacket() throws(Diagnostic) -> [UInt8] {
        let start = next()
        guard depth < Self.deepestQuote else { throw fail(start, "packets within packets, more than \(Self.deepestQuote) deep") }
        depth += 1
        defer { depth -= 1 }
        guard at("ip") || at("ip6") else { throw unexpected("'ip' or 'ip6' at the start of the quoted packet") }
        let layers = try layers()
        guard skip(.close) else { throw unexpected("')' after the quoted packet") }
        return try layers.composed()
    }
}
