import Decisions
import Glibc

/// Puts frames into files: only on the writer's thread, which may wait for a disk.
///
/// What can be read of a file at any moment, also after SIGKILL, is whole blocks. The kernel looks for a fatal signal between two
/// pages of a write to a regular file (generic_perform_write, iomap_write_iter) and nowhere else, so a block that would cross a
/// page's end begins on the next page, after a filler. Left are the blocks that are longer than a page, and a pcap, which has no
/// fillers: there the last frame can be cut short.
final class CaptureWriter {
    private static let page: UInt64 = 4096
    /// Seconds after which a file that can't be opened is tried again, and one that can is looked for in its folder.
    private static let patience: UInt64 = 1_000_000_000

    private let settings: CaptureSettings
    private var format: any CaptureFormat
    private let origins: DropCapture.Origins?
    /// The newest that a frame was of.
    private var generation: UInt32 = 0
    private let isGivingUp: () -> Bool
    private let lostElsewhere: () -> UInt64
    private let noteFile: (String) -> Void
    private var file: OutputFile?
    private var hasHeader = false
    /// Bytes that are kept free for a file's end, and for a filler before it.
    private let trailerRoom: UInt64
    private var ring: RingDirectory?
    /// Finished files that are to be compressed, from the oldest on, and the one that is on its way.
    private var backlog: [String] = []
    private var compression: FileCompression?
    private var lastLook: UInt64 = 0
    private var pending: [UInt8] = []
    /// By port.
    private var pendingFrames: [UInt64]
    private var statistics: CaptureStatistics
    private var missingBefore: UInt64 = 0
    /// Frames that were missing when the last frame was written.
    private var missingAtLast: UInt64 = 0

    /// Frames that are in files.
    private(set) var written: UInt64 = 0
    /// Frames that no file took.
    private(set) var unwritten: UInt64 = 0
    /// Nothing is written at the moment.
    private(set) var fails = false
    /// Why a file could not be opened, or took nothing, in words; nil if it does.
    private(set) var problem: String?

    /// Opens the (first) file, and writes nothing yet.
    /// - Parameters:
    ///   - origins: Asked when frames of a newer generation come.
    ///   - isGivingUp: Asked while a stream's reader doesn't read.
    ///   - lostElsewhere: Frames that never came here and should have.
    ///   - noteFile: Told of each file that is begun.
    init(
        _ settings: CaptureSettings, origins: DropCapture.Origins? = nil, isGivingUp: @escaping () -> Bool,
        lostElsewhere: @escaping () -> UInt64,
        noteFile: @escaping (String) -> Void = { _ in }
    ) throws(CaptureError) {
        self.settings = settings
        self.origins = origins
        self.isGivingUp = isGivingUp
        self.lostElsewhere = lostElsewhere
        self.noteFile = noteFile
        format = settings.isPcap ? try PcapFormat(settings) : PcapngFormat(settings)
        ring = try settings.ring.map { limits throws(CaptureError) in try RingDirectory(settings.path, limits: limits) }
        let ports = max(settings.origin.ports.count, 1)
        pendingFrames = [UInt64](repeating: 0, count: ports)
        statistics = CaptureStatistics(begin: 0, end: 0, frames: [UInt64](repeating: 0, count: ports), missing: .max)
        trailerRoom = UInt64(format.trailer(statistics).count) + Self.page
        try open()
    }

    /// Writes what a file begins with, and may wait for its reader. From then on the file is a capture, if an empty one.
    func start() {
        beginFile()
    }

    func write(_ frame: UnsafeRawBufferPointer, _ record: CaptureRecord, comment: String?) {
        if record.decision.generation > generation { begin(record.decision.generation) }
        var record = record
        let missing = missing
        record.missingBefore = missing &- missingAtLast
        missingAtLast = missing
        let block = format.block(frame, record, comment: comment)
        let size = (file?.size ?? 0) + UInt64(pending.count + block.count) + Self.page
        if let limits = settings.ring, hasHeader, size + trailerRoom > limits.fileBytes {
            flush()
            turn()
        } else if room < block.count {
            pending += filler(before: block.count)
            flush()
        }
        // Where the file goes on if that could not be written.
        pending += filler(before: block.count)
        pending += block
        pendingFrames[min(Int(record.port), pendingFrames.count - 1)] += 1
    }

    /// Brings what was gathered to the file.
    func flush() {
        guard !pending.isEmpty else { return }
        let count = pendingFrames.reduce(0, +)
        look()
        ring?.makeRoom(for: (file?.size ?? 0) + UInt64(pending.count) + trailerRoom + (compression?.size ?? 0))
        if hasHeader, file?.write(pending, isGivingUp: isGivingUp) ?? false {
            written += count
            for port in pendingFrames.indices { statistics.frames[port] += pendingFrames[port] }
            fails = false
            problem = nil
        } else {
            unwritten += count
            fails = true
            problem = file?.problem ?? problem
        }
        pending.removeAll(keepingCapacity: true)
        for port in pendingFrames.indices { pendingFrames[port] = 0 }
    }

    /// Octets up to the end of the page that is written at the moment.
    private var room: Int {
        let position = (file?.position ?? 0) + UInt64(pending.count)
        return Int(Self.page - position % Self.page)
    }

    /// What keeps that many octets of whole blocks within a page.
    private func filler(before count: Int) -> [UInt8] {
        room < count && count <= Self.page && file?.isRegular ?? false ? format.filler(room) : []
    }

    /// Writes whole blocks that are not gathered.
    private func writeNow(_ blocks: [UInt8]) -> Bool {
        file?.write(filler(before: blocks.count) + blocks, isGivingUp: isGivingUp) ?? false
    }

    /// Goes on in a new file, if the name means another one by now; in a ring always.
    func reopen() {
        flush()
        if ring != nil {
            turn()
        } else if !(file?.isInPlace ?? false) {
            turn()
        }
    }

    /// Writes what a file ends with, and closes it.
    func end() {
        flush()
        guard let size = file?.size, let path = file?.path else { return }
        endSection()
        ring?.finish(path, size: file?.size ?? size)
        file = nil
        hasHeader = false
        if settings.compressesFinished, ring != nil { backlog.append(path) }
    }

    // MARK: Compression

    /// A finished file waits to be compressed.
    var hasBacklog: Bool { compression != nil || !backlog.isEmpty }

    /// Goes on compressing finished files, for about a millisecond.
    func compressSome() {
        if compression == nil {
            guard !backlog.isEmpty else { return }
            compression = FileCompression(backlog.removeFirst())
        }
        guard let running = compression else { return }
        switch running.proceed() {
        case .goesOn: return
        case .isDone(let path, let size):
            // The ring had no room for it any more.
            if ring?.replace(running.path, by: path, size: size) != true { unlink(path) }
        case .hasFailed: break
        }
        compression = nil
    }

    /// Goes on in another section, or the next file of a ring: what the section says of the rules is true no longer.
    private func begin(_ generation: UInt32) {
        self.generation = generation
        guard let origin = origins?(generation) else { return }
        flush()
        if ring != nil {
            end()
            format.describe(origin)
            attempt()
        } else {
            if !settings.isPcap { endSection() }
            format.describe(origin)
            if !settings.isPcap, hasHeader { beginSection() }
        }
    }

    // MARK: files

    private var missing: UInt64 { unwritten &+ lostElsewhere() }

    private func open() throws(CaptureError) {
        let now = Self.now(CLOCK_REALTIME)
        lastLook = Self.now(CLOCK_MONOTONIC)
        if let path = ring?.nextPath(now: now) {
            ring?.makeRoom(for: 0)
            file = try OutputFile(path: path, older: .isRefused)
        } else {
            file = try OutputFile(path: settings.path)
        }
        if let path = file?.path { noteFile(path) }
    }

    private func beginFile() {
        file?.begin()
        beginSection()
    }

    private func beginSection() {
        statistics.begin = Self.now(CLOCK_REALTIME)
        for port in statistics.frames.indices { statistics.frames[port] = 0 }
        missingBefore = missing
        writeHeader()
    }

    private func endSection() {
        guard hasHeader else { return }
        statistics.end = Self.now(CLOCK_REALTIME)
        statistics.missing = missing - missingBefore
        _ = writeNow(format.trailer(statistics))
    }

    private func writeHeader() {
        hasHeader = writeNow(format.header())
        guard hasHeader else { return }
        for block in format.names() { hasHeader = hasHeader && writeNow(block) }
    }

    private func attempt() {
        do throws(CaptureError) {
            try open()
            beginFile()
        } catch {
            file = nil
            problem = error.description
        }
    }

    private func turn() {
        end()
        attempt()
    }

    /// Sees that there is a file to write to: at once if it can be, once a second if it could not.
    private func look() {
        if file != nil, !hasHeader { writeHeader() }
        let now = Self.now(CLOCK_MONOTONIC)
        guard now &- lastLook >= Self.patience else { return }
        lastLook = now
        guard let file, !file.isDeleted else {
            self.file = nil
            hasHeader = false
            return attempt()
        }
        // A named pipe may have another reader by now, who is not waited for in the end.
        if file.isBroken, ring != nil || !file.isRegular, !file.isInherited, !isGivingUp() { turn() }
    }

    static func now(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(truncatingIfNeeded: time.tv_sec) &* 1_000_000_000 &+ UInt64(truncatingIfNeeded: time.tv_nsec)
    }
}
