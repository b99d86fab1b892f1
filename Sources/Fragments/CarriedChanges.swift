public import Wire

/// What was changed of datagrams' first fragments, for those that follow; by datagram. Memory is allocated when it is made.
@safe
struct FollowedChanges: ~Copyable, @unchecked Sendable {
    private let changes: UnsafeMutablePointer<HeaderChange>

    init(capacity: Int) {
        unsafe changes = .allocate(capacity: capacity)
        unsafe changes.initialize(repeating: HeaderChange(), count: capacity)
    }

    deinit {
        unsafe changes.deallocate()
    }

    /// Bytes that it takes.
    static func bytes(for capacity: Int) -> Int { capacity * MemoryLayout<HeaderChange>.stride }

    subscript(index: Int32) -> HeaderChange {
        get { unsafe changes[Int(index)] }
        nonmutating set { unsafe changes[Int(index)] = newValue }
    }
}

// Rules change a datagram, and its fragments are to be what the changed datagram would be in as many pieces.
extension FragmentGatherer {
    /// Brings what rules have changed in what `assemble` put together into the datagram's fragments, before `conclude`: fields that each
    /// of them has into each, and the payload with the transport header to where its bytes lie. Returns false, and changes nothing, if
    /// something else has changed, or a fragment leaves its checksum to hardware.
    /// - Parameters:
    ///   - whole: What the assembled bytes were parsed to before.
    ///   - tag: The outermost tag as rules have left it, if it stands apart from the bytes.
    public mutating func carryBack(_ whole: ParsedFrame, tag: VLANTag?) -> Bool {
        let index = pending
        guard index >= 0, !datagrams[index].hasPartialChecksum else { return false }
        let assembled = unsafe assembled
        let bytes = unsafe assembled.bytes
        guard let start = assembled.baseAddress, let change = scratch.change(to: bytes, whole, tag: tag, isWhole: true) else {
            return false
        }
        let headerEnd = scratch.headerLength
        var block = datagrams[index].lowest
        while block != BlockArena.none {
            let record = arena.record(at: block)
            apply(change, to: block)
            unsafe (arena.start(of: block) + FragmentRecord.frameOffset + Int(record.payloadOffset)).copyMemory(
                from: start + headerEnd + Int(record.offset), byteCount: Int(record.end &- record.offset))
            block = record.nextByOffset
        }
        return true
    }

    /// Before a first fragment is judged by itself: keeps its headers, with which `followChange` compares.
    public mutating func keepHeaders(of bytes: RawSpan, _ first: ParsedFrame) {
        scratch.keepHeader(of: bytes, count: first.fragmentPayloadOffset)
        scratch.keepBeginning(of: bytes, first)
    }

    /// After it was judged, and before `conclude`: keeps what rules have changed in headers that each fragment has, for those that
    /// follow, and changes those that came before it. Returns whether there is something; nil if it can't be done, because fragments
    /// don't share it, or a checksum over the whole datagram can't be made right from here (SCTP).
    /// - Parameters:
    ///   - first: What it was parsed to before.
    ///   - tag: The outermost tag as rules have left it, if it stands apart from the bytes.
    public mutating func followChange(_ bytes: RawSpan, _ first: ParsedFrame, tag: VLANTag?) -> Bool? {
        let index = pending
        guard index >= 0, !datagrams[index].hasPartialChecksum, !scratch.hasNewCyclicChecksum(bytes, first),
            let change = scratch.change(to: bytes, first, tag: tag, isWhole: false)
        else { return nil }
        followed[index] = change
        guard !change.isEmpty else { return false }
        var block = datagrams[index].firstArrived
        while block != BlockArena.none {
            apply(change, to: block)
            block = arena.record(at: block).nextToArrive
        }
        return true
    }

    /// Changes a fragment that follows a first one as that was changed.
    /// - Parameter frame: What `bytes` were parsed to; gets the tag.
    public func change(follower bytes: inout MutableRawSpan, _ frame: inout ParsedFrame) {
        following.apply(to: &bytes, &frame)
    }

    private func apply(_ change: HeaderChange, to block: Int32) {
        let length = Int(arena.record(at: block).frameLength)
        guard length > 0 else { return }
        let buffer = unsafe UnsafeMutableRawBufferPointer(start: arena.start(of: block) + FragmentRecord.frameOffset, count: length)
        var bytes = unsafe buffer.mutableBytes
        var frame = ParsedFrame.parse(bytes.bytes, tag: arena.record(at: block).tag)
        change.apply(to: &bytes, &frame)
        if frame.isTagOutOfBand { arena.update(block) { $0.tag = frame.outermostTag } }
    }
}

extension WholeDatagram {
    /// Where SCTP's checksum stands (RFC 9260, section 3.1).
    private static let cyclicChecksum = 8

    /// Compares the headers that were kept with those of `bytes`; nil if something has changed that fragments don't share, or the headers
    /// were too long to be kept.
    fileprivate func change(to bytes: RawSpan, _ frame: ParsedFrame, tag: VLANTag?, isWhole: Bool) -> HeaderChange? {
        guard headerLength > 0 else { return nil }
        let buffer = unsafe header
        var old = unsafe buffer.mutableBytes
        return HeaderChange(from: &old, to: bytes, frame, tag: tag, isWhole: isWhole)
    }

    /// Keeps SCTP's checksum, if a first fragment has one.
    fileprivate mutating func keepBeginning(of bytes: RawSpan, _ first: ParsedFrame) {
        cyclicSum = sum(bytes, first)
    }

    /// True if SCTP's checksum has changed: it covers more than a first fragment.
    fileprivate func hasNewCyclicChecksum(_ bytes: RawSpan, _ first: ParsedFrame) -> Bool { cyclicSum != sum(bytes, first) }

    private func sum(_ bytes: RawSpan, _ first: ParsedFrame) -> UInt32 {
        guard first.transportProtocol == IPProtocol.sctp, first.transportLength >= Self.cyclicChecksum &+ 4 else { return 0 }
        return bytes.be32(at: first.transportOffset &+ Self.cyclicChecksum)
    }
}
