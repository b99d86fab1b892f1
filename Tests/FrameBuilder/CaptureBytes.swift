/// A capture under construction, in either byte order, with whatever is wrong that a test asks for.
public struct CaptureBytes: Sendable {
    public var bytes: [UInt8] = []
    private var isBigEndian: Bool
    private var ticksPerSecond: UInt64 = 1_000_000

    public typealias Option = (code: UInt16, value: [UInt8])

    private init(isBigEndian: Bool) {
        self.isBigEndian = isBigEndian
    }

    // MARK: pcap

    /// A pcap's header; `word` is the last one, with the link type.
    public static func pcap(
        isBigEndian: Bool = false, nanoseconds: Bool = false, version: (UInt16, UInt16) = (2, 4), word: UInt32 = 1
    ) -> CaptureBytes {
        var capture = CaptureBytes(isBigEndian: isBigEndian)
        capture.ticksPerSecond = nanoseconds ? 1_000_000_000 : 1_000_000
        capture.put(nanoseconds ? 0xa1b2_3c4d : 0xa1b2_c3d4 as UInt32)
        capture.put(version.0)
        capture.put(version.1)
        capture.put(0 as UInt64)
        capture.put(65_535 as UInt32)
        capture.put(word)
        return capture
    }

    /// A record; `length` is the frame's own, and `captured` what the header says, in place of what is there.
    public func record(_ frame: [UInt8], at ticks: UInt64, length: UInt32? = nil, captured: UInt32? = nil) -> CaptureBytes {
        var capture = self
        capture.put(UInt32(truncatingIfNeeded: ticks / ticksPerSecond))
        capture.put(UInt32(truncatingIfNeeded: ticks % ticksPerSecond))
        capture.put(captured ?? UInt32(frame.count))
        capture.put(length ?? UInt32(frame.count))
        capture.bytes += frame
        return capture
    }

    // MARK: pcapng

    /// A pcapng's first section.
    public static func pcapng(isBigEndian: Bool = false, version: UInt16 = 1, magic: UInt32 = 0x1a2b_3c4d) -> CaptureBytes {
        CaptureBytes(isBigEndian: isBigEndian).section(isBigEndian: isBigEndian, version: version, magic: magic)
    }

    /// Another section.
    public func section(isBigEndian: Bool, version: UInt16 = 1, magic: UInt32 = 0x1a2b_3c4d, options: [Option] = []) -> CaptureBytes {
        var capture = self
        capture.isBigEndian = isBigEndian
        var body = CaptureBytes(isBigEndian: isBigEndian)
        body.put(magic)
        body.put(version)
        body.put(0 as UInt16)
        body.put(UInt64.max)
        body.put(options)
        return capture.block(0x0a0d_0d0a, body.bytes)
    }

    /// Any block; `length` and `last` are what it says in front and behind, in place of what is right.
    public func block(_ type: UInt32, _ body: [UInt8], length: UInt32? = nil, last: UInt32? = nil) -> CaptureBytes {
        var capture = self
        let total = UInt32(body.count + 12)
        capture.put(type)
        capture.put(length ?? total)
        capture.bytes += body
        capture.put(last ?? length ?? total)
        return capture
    }

    public func interface(_ name: String? = nil, linkType: UInt16 = 1, snapLength: UInt32 = 0, options: [Option] = []) -> CaptureBytes {
        var body = CaptureBytes(isBigEndian: isBigEndian)
        body.put(linkType)
        body.put(0 as UInt16)
        body.put(snapLength)
        body.put((name.map { [Option(code: 2, value: Array($0.utf8))] } ?? []) + options)
        return block(1, body.bytes)
    }

    /// An enhanced packet, or by `type` 2 an obsolete one.
    public func packet(
        _ frame: [UInt8], interface: UInt32 = 0, at ticks: UInt64, type: UInt32 = 6, length: UInt32? = nil, captured: UInt32? = nil,
        options: [Option] = []
    ) -> CaptureBytes {
        var body = CaptureBytes(isBigEndian: isBigEndian)
        if type == 2 {
            body.put(UInt16(interface))
            body.put(7 as UInt16)
        } else {
            body.put(interface)
        }
        body.put(UInt32(truncatingIfNeeded: ticks >> 32))
        body.put(UInt32(truncatingIfNeeded: ticks))
        body.put(captured ?? UInt32(frame.count))
        body.put(length ?? UInt32(frame.count))
        body.put(padded: frame)
        body.put(options)
        return block(type, body.bytes)
    }

    public func simplePacket(_ frame: [UInt8], length: UInt32? = nil) -> CaptureBytes {
        var body = CaptureBytes(isBigEndian: isBigEndian)
        body.put(length ?? UInt32(frame.count))
        body.put(padded: frame)
        return block(3, body.bytes)
    }

    /// `epb_flags`, in this section's byte order.
    public func flags(_ flags: UInt32) -> Option {
        var value = CaptureBytes(isBigEndian: isBigEndian)
        value.put(flags)
        return (2, value.bytes)
    }

    /// `if_tsoffset`, likewise.
    public func timeOffset(_ seconds: Int64) -> Option {
        var value = CaptureBytes(isBigEndian: isBigEndian)
        value.put(seconds)
        return (14, value.bytes)
    }

    // MARK: Numbers

    private mutating func put<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: isBigEndian ? number.bigEndian : number.littleEndian) { bytes += $0 }
    }

    private mutating func put(padded data: [UInt8]) {
        bytes += data
        bytes += repeatElement(0, count: -data.count & 3)
    }

    private mutating func put(_ options: [Option]) {
        guard !options.isEmpty else { return }
        for option in options {
            put(option.code)
            put(UInt16(truncatingIfNeeded: option.value.count))
            put(padded: option.value)
        }
        put(0 as UInt32)
    }
}
