import Appliance
import ArgumentParser
import Capture

/// Bytes, with a unit if wanted: `4096`, `64K`, `100M`, `2G`.
struct ByteCount {
    let bytes: UInt64

    init(_ argument: String) throws {
        let units: [Character: UInt64] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
        let unit = argument.last.flatMap { units[Character($0.uppercased())] }
        guard let number = UInt64(unit == nil ? argument[...] : argument.dropLast()) else {
            throw ValidationError("write a number of bytes, with K, M, G or T if wanted, as in 100M")
        }
        let (bytes, isTooLarge) = number.multipliedReportingOverflow(by: unit ?? 1)
        guard !isTooLarge, bytes <= Int64.max else { throw ValidationError("that is more bytes than can be counted") }
        self.bytes = bytes
    }
}

/// A number for each second: `1000` or `1000/second`.
struct SecondRate {
    let count: Int

    init(_ argument: String) throws {
        let text = argument.hasSuffix("/second") ? argument.dropLast("/second".count) : argument[...]
        guard let count = Int(text), count > 0 else { throw ValidationError("write a number above 0, as in 1000 or 1000/second") }
        self.count = count
    }
}

/// What is written of dropped frames, and where.
struct CaptureOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Write dropped frames to this file, which Wireshark and tcpdump open.",
            discussion: """
                The file is pcapng, with a comment that says why each frame was dropped and by which rule. A name that ends in .pcap \
                makes a pcap without comments. - is standard output; reports then go to standard error. The name of a Unix socket \
                connects to the program that listens there.
                """, valueName: "file.pcapng"))
    var drops: String?

    @Option(
        help: ArgumentHelp("Start a new file, named after the time, before the file exceeds this size. (K, M, G)", valueName: "bytes"),
        transform: ByteCount.init)
    var dropsSize: ByteCount?

    @Option(help: ArgumentHelp("Keep at most N of these files; delete the oldest.", valueName: "n"))
    var dropsFiles: Int?

    @Option(
        help: ArgumentHelp("Delete the oldest of these files before all together exceed this size. (K, M, G)", valueName: "bytes"),
        transform: ByteCount.init)
    var dropsTotal: ByteCount?

    @Flag(
        inversion: .prefixedNo,
        help: ArgumentHelp(
            "Compress these files with zstd when they are finished.",
            discussion: "Their names then end in .zst. Wireshark, tcpdump after zstdcat, and weir replay read them."))
    var dropsZstd = false

    @Option(
        help: ArgumentHelp(
            "Write the names of this file, in the format of hosts(5), into the capture, where Wireshark shows them for addresses.",
            valueName: "file"))
    var dropsNames: String?

    @Flag(inversion: .prefixedNo, help: "Write a pcap's times in microseconds, for readers that know no nanoseconds.")
    var dropsMicroseconds = false

    @Option(help: ArgumentHelp("Keep at most N bytes of each frame.", valueName: "bytes"))
    var dropsSnaplen = CaptureSettings.longestSnapLength

    @Option(help: ArgumentHelp("Write at most N frames a second; count the others.", valueName: "n/second"), transform: SecondRate.init)
    var dropsRate: SecondRate?

    @Option(help: ArgumentHelp("Write only frames that match this expression of pcap-filter(7).", valueName: "expression"))
    var dropsFilter: String?

    /// Size and number of a ring's files, unless something else is said.
    private static let usualFile: UInt64 = 64 << 20
    private static let usualFiles = 10

    private var ring: CaptureRing? {
        guard dropsSize != nil || dropsFiles != nil || dropsTotal != nil else { return nil }
        let total = dropsTotal?.bytes ?? .max
        let file = dropsSize?.bytes ?? max(CaptureRing.smallestFile, min(Self.usualFile, total / UInt64(max(dropsFiles ?? 8, 2))))
        return CaptureRing(fileBytes: file, files: dropsFiles ?? (dropsTotal == nil ? Self.usualFiles : .max), totalBytes: total)
    }

    func validate() throws {
        let ofDrops: [(String, Bool)] = [
            ("size", dropsSize != nil), ("files", dropsFiles != nil), ("total", dropsTotal != nil), ("rate", dropsRate != nil),
            ("filter", dropsFilter != nil), ("microseconds", dropsMicroseconds), ("zstd", dropsZstd), ("names", dropsNames != nil),
        ]
        if drops == nil, let (name, _) = ofDrops.first(where: \.1) { throw ValidationError("--drops-\(name) needs --drops") }
        guard (64...CaptureSettings.longestSnapLength).contains(dropsSnaplen) else {
            throw ValidationError("--drops-snaplen takes a number from 64 to \(CaptureSettings.longestSnapLength)")
        }
        try expectValidFilter()
        guard let ring else {
            if dropsZstd { throw ValidationError("--drops-zstd needs --drops-size, --drops-files or --drops-total") }
            return
        }
        if drops == "-" {
            throw ValidationError(
                "standard output can't be rotated; name a file, or leave out --drops-size, --drops-files and --drops-total")
        }
        guard ring.files >= 1 else { throw ValidationError("--drops-files takes a number of at least 1") }
        guard ring.fileBytes >= CaptureRing.smallestFile else { throw ValidationError("--drops-size takes 1M or more") }
        guard ring.totalBytes >= ring.fileBytes else {
            throw ValidationError("--drops-total must be at least as large as one file (--drops-size)")
        }
    }

    /// libpcap is asked before anything is opened or taken.
    private func expectValidFilter() throws {
        guard let dropsFilter else { return }
        do throws(CaptureError) {
            _ = try CaptureFilter(dropsFilter, snapLength: dropsSnaplen)
        } catch {
            throw ValidationError("--drops-filter: \(error.description)")
        }
    }

    /// Opens the capture; nil if none is asked for.
    func open(_ generations: RulesetGenerations, workers: Int) throws -> DropCapture? {
        guard let drops else { return nil }
        var settings = CaptureSettings(path: drops)
        settings.snapLength = dropsSnaplen
        settings.isInMicroseconds = dropsMicroseconds
        settings.ring = ring
        settings.framesPerSecond = dropsRate?.count
        settings.filter = dropsFilter
        settings.compressesFinished = dropsZstd
        settings.names = try dropsNames.map(HostNames.init(path:))
        return try DropCapture(settings, generations, workers: workers)
    }
}

extension DropCapture {
    /// With the comments that the generations make.
    convenience init(_ settings: CaptureSettings, _ generations: RulesetGenerations, workers: Int) throws(CaptureError) {
        var settings = settings
        settings.origin = generations.current.origin
        try self.init(settings, workers: workers, explanation: generations.comment, origins: { generations[$0]?.origin })
    }
}
