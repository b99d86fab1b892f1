/// What is wanted of a capture: where it goes, what of the frames it keeps, and what it may cost.
public struct CaptureSettings: Sendable {
    /// A file, or `-` for standard output. A name that ends in `.pcap` or `.cap` is written as pcap, all others as pcapng.
    public var path: String
    /// Bytes of a frame that are kept.
    public var snapLength = CaptureSettings.longestSnapLength
    /// nil for one file that grows.
    public var ring: CaptureRing?
    /// Maximum frames written in a second; nil for all of them.
    public var framesPerSecond: Int?
    /// An expression of pcap-filter(7): only frames that match it are kept.
    public var filter: String?
    /// A pcap has times in microseconds, for readers that know no others; a pcapng always has nanoseconds.
    public var isInMicroseconds = false
    /// Finished files of a ring are compressed, and have `.zst` at the end of their names.
    public var compressesFinished = false
    /// Names of addresses that a pcapng has; nil for none.
    public var names: HostNames?
    public var origin = CaptureOrigin()

    /// What libpcap (MAXIMUM_SNAPLEN) and Wireshark take at most.
    public static let longestSnapLength = 262_144

    public init(path: String) {
        self.path = path
    }

    var isPcap: Bool { path.hasSuffix(".pcap") || path.hasSuffix(".cap") }
}

/// Files that take turns, each named after the time at which it was begun; the oldest goes when there would be too many.
public struct CaptureRing: Sendable, Equatable {
    /// Maximum bytes of one file.
    public var fileBytes: UInt64
    /// Files that are kept, the one that is written included.
    public var files: Int
    /// Maximum bytes of all of them.
    public var totalBytes: UInt64

    /// The largest block there can be fits many times into the smallest file.
    public static let smallestFile: UInt64 = 1 << 20

    public init(fileBytes: UInt64, files: Int = .max, totalBytes: UInt64 = .max) {
        self.fileBytes = fileBytes
        self.files = files
        self.totalBytes = totalBytes
    }
}

/// By what and of what a capture was made: what a pcapng says of itself.
public struct CaptureOrigin: Sendable {
    /// The program with its version.
    public var application: String?
    public var hardware: String?
    public var operatingSystem: String?
    public var comments: [String] = []
    /// The names of the ports, by `CaptureRecord.port`.
    public var ports: [String] = ["port 0", "port 1"]

    public init() {}
}
