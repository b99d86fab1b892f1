import Glibc

/// Reads frames from a pcap (draft-ietf-opsawg-pcap) or a pcapng (draft-ietf-opsawg-pcapng) of either byte order, one after the other,
/// in memory that does not grow with the file. A file that is compressed (gzip, zstd, LZ4) is unpacked on the way.
///
/// It is written here, and not libpcap's, since that tells neither interfaces nor directions and takes one link type a file.
public struct CaptureReader: ~Copyable {
    /// What libpcap and Wireshark take at most.
    public static let longestFrame = CaptureSettings.longestSnapLength
    /// What Wireshark takes at most; blocks that are passed over may be larger.
    public static let largestBlock = 16 << 20
    /// Maximum number of interfaces in one section.
    public static let mostInterfaces = 65_536

    enum Format {
        case pcap, pcapng
    }

    /// What it is called in errors.
    public let path: String
    var input: InputBuffer
    private var format = Format.pcap
    var records = PcapRecordLayout()
    /// Whether numbers stand in the other byte order than this machine's.
    var isSwapped = false
    /// The last frame's time, for one that has none (a simple packet block).
    var lastTime: UInt64 = 0

    /// Interfaces of the section that is read; a pcap has one without a name.
    var interfaces: [CaptureInterface] = []
    /// Sections that were begun; each has interfaces of its own. A pcap is one.
    public internal(set) var sectionCount = 0

    /// Reads a file's header; `-` is standard input.
    public init(path: String, isGivingUp: @escaping () -> Bool = { false }) throws(CaptureFault) {
        let file = path == "-" ? try InputFile(standardInput: ()) : try InputFile(path: path)
        try self.init(path: path) { buffer in file.read(buffer, isGivingUp: isGivingUp) }
    }

    /// Reads a stream's header.
    /// - Parameters:
    ///   - path: What it is called in errors.
    ///   - source: Puts bytes into the memory and says how many; 0 at its end, a negative error number if it can't be read.
    public init(path: String, source: @escaping (UnsafeMutableRawBufferPointer) -> Int) throws(CaptureFault) {
        self.path = path
        input = InputBuffer(source)
        if input.hold(4), let unpacked = Decompression(start: Array(input.bytes), source: source) {
            input = InputBuffer { unpacked.read($0) }
        }
        // Nothing that must stand before the last throw would have to be undone.
        try begin()
    }

    /// The next frame; nil at the end. After an error there are no more.
    public mutating func next() throws(CaptureFault) -> CapturedFrame? {
        switch format {
        case .pcap: try nextRecord()
        case .pcapng: try nextPacket()
        }
    }

    /// Interfaces of the section that is read, so far; a pcap has one without a name.
    public var interfaceCount: Int { interfaces.count }

    /// What the section says of an interface, by `CapturedFrame.interface`.
    public func interface(_ index: Int) -> CaptureInterface { interfaces[index] }

    /// Bytes that have been read.
    public var position: UInt64 { input.offset }

    /// What to say where an interface is not Ethernet.
    public func linkTypeFault(of interface: Int) -> CaptureFault {
        fault(.linkType(interfaces.indices.contains(interface) ? interfaces[interface].linkType : 0), at: 0)
    }

    private mutating func begin() throws(CaptureFault) {
        guard input.hold(4) else {
            throw input.errorNumber != 0 ? fault(.unreadable(input.errorNumber)) : input.bytes.isEmpty ? fault(.empty) : cutShort(4)
        }
        let magic = UInt32(bigEndian: input.bytes.loadUnaligned(as: UInt32.self))
        if magic == Self.sectionHeader {
            format = .pcapng
        } else {
            format = .pcap
            try readFileHeader(magic)
        }
    }

    // MARK: What both formats need

    /// The number that stands that many bytes after the place that was read up to.
    @inline(__always)
    func u32(_ offset: Int) -> UInt32 {
        let number = input.bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        return isSwapped ? number.byteSwapped : number
    }

    @inline(__always)
    func u16(_ offset: Int) -> UInt16 {
        let number = input.bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)
        return isSwapped ? number.byteSwapped : number
    }

    /// A fault of what begins at the place that was read up to.
    func fault(_ kind: CaptureFault.Kind, at offset: UInt64? = nil) -> CaptureFault {
        CaptureFault(path: path, offset: offset ?? input.offset, kind: kind)
    }

    /// The fault of a stream that ends though that many bytes should be there.
    func cutShort(_ count: Int) -> CaptureFault {
        input.errorNumber != 0
            ? fault(.unreadable(input.errorNumber)) : fault(.cutShort(missing: UInt64(max(0, count - input.bytes.count))))
    }

    /// A frame that stands `offset` bytes after the place that was read up to.
    @inline(__always)
    func frame(
        at offset: Int, captured: Int, original: Int, time: UInt64, interface: Int, direction: CapturedFrame.Direction = .unknown,
        checkSequenceLength: Int
    ) -> CapturedFrame {
        // A frame whose capture is longer than itself is what was captured.
        let length = max(0, max(original, captured) &- checkSequenceLength)
        let bytes = UnsafeMutableRawBufferPointer(rebasing: input.bytes[offset..<(offset &+ min(captured, length))])
        let frame = CapturedFrame(bytes: bytes, length: length, time: time, interface: interface, direction: direction)
        let link = interfaces[interface].link
        return link == .ethernet ? frame : withoutItsLink(frame, link, headroom: offset)
    }

    /// With an Ethernet header, if it can have one.
    @inline(never)
    private func withoutItsLink(_ frame: CapturedFrame, _ link: CaptureLink?, headroom: Int) -> CapturedFrame {
        guard let link else {
            var frame = frame
            frame.link = .refused
            return frame
        }
        // After a simple packet block, whose header has too little room for that of Ethernet, comes its length, which was read.
        return frame.asEthernet(link, headroom: headroom, tailroom: format == .pcapng ? 4 : 0, isSwapped: isSwapped)
    }
}

/// A file or a pipe that is read from its beginning.
private final class InputFile {
    private let descriptor: Int32
    private let isOurs: Bool

    init(standardInput: ()) throws(CaptureFault) {
        descriptor = STDIN_FILENO
        isOurs = false
    }

    init(path: String) throws(CaptureFault) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        isOurs = true
        guard descriptor >= 0 else { throw CaptureFault(path: path, offset: 0, kind: .unreadable(errno)) }
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    }

    deinit {
        if isOurs, descriptor >= 0 { close(descriptor) }
    }

    /// - Parameter isGivingUp: Asked when a signal came while there was nothing to read; true is the stream's end.
    func read(_ buffer: UnsafeMutableRawBufferPointer, isGivingUp: () -> Bool) -> Int {
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            guard errno == EINTR else { return -Int(errno) }
            if isGivingUp() { return 0 }
        }
    }
}
