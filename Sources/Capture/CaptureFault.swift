import Glibc

/// Why a capture can't be read any further: where, what was found there, and what would be right. What was read before it holds.
public struct CaptureFault: Error, Equatable, CustomStringConvertible {
    public enum Kind: Equatable, Sendable {
        /// The system's error number.
        case unreadable(Int32)
        case empty
        /// The first four bytes, as a number in the order in which they stand.
        case unknownFormat(UInt32)
        case version(major: UInt16, minor: UInt16)
        case linkType(UInt16)
        /// The file ends within a record or block of which that many bytes are missing.
        case cutShort(missing: UInt64)
        /// Bytes of a frame, beyond `CaptureReader.longestFrame`.
        case frameTooLong(UInt32)
        /// Bytes that a block claims to have: too few, no multiple of 4, or beyond `CaptureReader.largestBlock`.
        case blockLength(UInt32)
        /// The length before a block and the one after it.
        case lengthsDiffer(UInt32, UInt32)
        /// Neither of the two forms of `0x1a2b3c4d`.
        case byteOrderMagic(UInt32)
        /// Bytes of a packet that its block has no room for.
        case packetBeyondBlock(UInt32)
        /// An option's code and length: it ends after its block, or its kind has another length.
        case option(UInt16, length: UInt16)
        /// A packet of an interface that the section has not described.
        case unknownInterface(UInt32)
        case tooManyInterfaces
    }

    /// As it was given; `-` for standard input.
    public var path: String
    /// In bytes from the file's beginning: where the record or block begins that can't be read.
    public var offset: UInt64
    public var kind: Kind

    public init(path: String, offset: UInt64, kind: Kind) {
        self.path = path
        self.offset = offset
        self.kind = kind
    }

    /// In the operator's words.
    public var description: String {
        let place = path == "-" ? "standard input" : path
        switch kind {
        case .unreadable(let code) where offset == 0: return "\(place) can't be read: \(String(cString: strerror(code)))"
        case .empty, .unknownFormat: return "\(place) \(kind.text)"
        default: return "\(place), byte \(offset): \(kind.text)"
        }
    }
}

extension CaptureFault.Kind {
    fileprivate var text: String {
        switch self {
        case .unreadable(EBADMSG): "the compressed file is damaged here, or cut short"
        case .unreadable(let code): "can't read further: \(String(cString: strerror(code)))"
        case .empty: "is empty; even a capture without frames begins with a header"
        case .unknownFormat(let magic): Self.text(ofMagic: magic)
        case .version(let major, let minor): "version \(major).\(minor) of the format; pcap 2.0 to 2.4 and pcapng 1.x can be read"
        case .linkType(let number):
            "frames of link type \(CaptureLinkType.text(of: number)); rules judge Ethernet, and what can be given an Ethernet header"
        case .cutShort(let missing):
            "the file ends here, within a packet or block that needs \(missing) more \(missing == 1 ? "byte" : "bytes")"
        case .frameTooLong(let length):
            "a frame of \(length) bytes, beyond the limit of \(CaptureReader.longestFrame); the file is damaged"
        case .blockLength(let length):
            "a block of \(length) bytes, which should be a multiple of 4, at least what its kind needs, and at most "
                + "\(CaptureReader.largestBlock); the file is damaged"
        case .lengthsDiffer(let first, let last): "a block of \(first) bytes that ends with \(last) as its length; the file is damaged"
        case .byteOrderMagic(let magic): "a section whose byte order is 0x\(String(magic, radix: 16)), which should be 0x1a2b3c4d"
        case .packetBeyondBlock(let length): "a packet of \(length) bytes that ends after its block; the file is damaged"
        case .option(let code, let length): "option \(code) of \(length) bytes, which has the wrong length or ends after its block"
        case .unknownInterface(let number): "a packet of interface \(number), which this section doesn't describe"
        case .tooManyInterfaces: "more than \(CaptureReader.mostInterfaces) interfaces in one section"
        }
    }

    private static func text(ofMagic magic: UInt32) -> String {
        let compressors: [(UInt32, UInt32, String)] = [
            (0xfd37_7a58, .max, "unxz"), (0x425a_6800, 0xffff_ff00, "bunzip2"), (0x1f8b_0000, 0xffff_0000, "gunzip"),
            (0x28b5_2ffd, .max, "zstd -d"), (0x0422_4d18, .max, "lz4 -d"),
        ]
        if let (_, _, command) = compressors.first(where: { magic & $0.1 == $0.0 }) {
            return "is compressed; unpack it first: \(command) <FILE | weir replay … -"
        }
        // The first four bytes of what Wireshark converts, as its `wiretap` knows them.
        let others: [(UInt32, String)] = [
            (0x736e_6f6f, "a snoop capture"), (0x474d_4255, "a capture of Microsoft's Network Monitor"),
            (0x5254_5353, "a capture of Microsoft's Network Monitor"), (0x5852_5458, "a capture of NetXRay"),
            (0x5843_5000, "a capture of NetXRay or Windows Sniffer"), (0x5452_534e, "a capture of DOS Sniffer"),
            (0x6970_7472, "an iptrace capture"), (0x6274_736e, "a capture of Bluetooth"),
        ]
        if let (_, name) = others.first(where: { $0.0 == magic }) {
            return "is \(name); editcap -F pcapng FILE NEW converts it to one that can be read"
        }
        if [0xa1e2_cb12, 0x12cb_e2a1].contains(magic) {
            return "is a pcap with fields of netsniff-ng's own; netsniff-ng --in FILE --out NEW -T 0xa1b2c3d4 converts it"
        }
        let digits = String(magic, radix: 16)
        return "is neither a pcap nor a pcapng: it begins with 0x" + String(repeating: "0", count: 8 - digits.count) + digits
    }
}
