/// A frame of a capture.
public struct CapturedFrame {
    /// Which way a frame went through its interface.
    public enum Direction: Sendable, Equatable {
        case unknown, inbound, outbound
    }

    /// What was captured, from the destination's address on, without the frame check sequence. Anyone who reads may change it; it is valid
    /// until the next frame is asked for.
    public var bytes: UnsafeMutableRawBufferPointer
    /// Bytes that the frame had; no fewer than were captured.
    public var length: Int
    /// Nanoseconds since the epoch. Times before it are 0, and those beyond 64 bits (2554) the last there is.
    public var time: UInt64
    /// Which of the section's interfaces it is of: see `CaptureReader.interface`.
    public var interface: Int
    public var direction: Direction
    /// What its link is to the rules.
    public var link = Link.ethernet
    /// The number of its interface, or of a switch's port, if the frame's own link header says it.
    public var interfaceNumber: UInt32?

    /// What rules can make of a frame's link.
    public enum Link: Sendable, Equatable {
        /// It is a frame of Ethernet.
        case ethernet
        /// Its bytes begin with an Ethernet header that was put in place of another, or that a switch's tag was taken out of.
        case given
        /// It is of a link that could be given such a header, but no frame that a bridge would forward, or it can't be read.
        case unreadable
        /// It is of a link whose frames can't be judged.
        case refused
    }

    /// Less was captured than there was.
    public var isCut: Bool { bytes.count < length }
}

/// What a capture says of an interface.
public struct CaptureInterface: Sendable, Equatable {
    /// nil if it isn't said, as in every pcap.
    public var name: String?
    /// As in draft-ietf-opsawg-pcaplinktype; 1 is Ethernet.
    public var linkType: UInt16 { didSet { link = CaptureLink(linkType: linkType) } }
    /// nil where rules can't judge its frames.
    private(set) var link: CaptureLink?
    /// Maximum bytes of a frame that are kept; 0 for all of them.
    var snapLength: UInt32 = 0
    /// Bytes of the frame check sequence that end each frame.
    var checkSequenceLength = 0
    var clock = CaptureClock()

    init(name: String?, linkType: UInt16, snapLength: UInt32 = 0) {
        self.name = name
        self.linkType = linkType
        self.snapLength = snapLength
        link = CaptureLink(linkType: linkType)
    }

    public var isEthernet: Bool { linkType == CaptureLinkType.ethernet }

    /// The link type's name, or its number where it has none.
    public var linkName: String { CaptureLinkType.name(of: linkType) ?? "\(linkType)" }
}

/// How an interface's times count (draft-ietf-opsawg-pcapng, section 4.2, `if_tsresol` and `if_tsoffset`).
struct CaptureClock: Sendable, Equatable {
    /// Nanoseconds of a tick; 0 where a tick is something else.
    private var nanosecondsPerTick: UInt64 = 1000
    /// Ticks of a second, as a power of 2 or of 10.
    private var isPowerOfTwo = false
    private var exponent: UInt8 = 6
    /// Seconds to add.
    var offset: Int64 = 0

    init() {}

    /// - Parameter resolution: `if_tsresol`: a negative power of 10, or of 2 if the highest bit is set.
    init(resolution: UInt8) {
        isPowerOfTwo = resolution & 0x80 != 0
        exponent = resolution & 0x7f
        nanosecondsPerTick = 0
        if !isPowerOfTwo, exponent <= 9 { nanosecondsPerTick = (exponent..<9).reduce(1) { factor, _ in factor * 10 } }
    }

    /// Since the epoch.
    @inline(__always)
    func nanoseconds(of ticks: UInt64) -> UInt64 {
        let (product, isTooLarge) = ticks.multipliedReportingOverflow(by: nanosecondsPerTick)
        return nanosecondsPerTick != 0 && offset == 0 && !isTooLarge ? product : slowNanoseconds(of: ticks)
    }

    @inline(never)
    private func slowNanoseconds(of ticks: UInt64) -> UInt64 {
        let second: UInt128 = 1_000_000_000
        var time: UInt128
        if nanosecondsPerTick != 0 {
            time = UInt128(ticks) * UInt128(nanosecondsPerTick)
        } else if isPowerOfTwo {
            // 64 bits of ticks and 30 of the factor fit; a shift by more than there are leaves nothing.
            time = (UInt128(ticks) * second) >> UInt128(exponent)
        } else {
            // 10 to the 20th and beyond is more ticks than 64 bits can count.
            time = exponent > 28 ? 0 : UInt128(ticks) / (9..<exponent).reduce(1 as UInt128) { divisor, _ in divisor * 10 }
        }
        let shift = UInt128(offset.magnitude) * second
        if offset < 0 { time = time > shift ? time - shift : 0 } else { time += shift }
        return UInt64(clamping: time)
    }
}
