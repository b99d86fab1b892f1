public import Wire

/// A fragment of the datagram that is to be concluded.
@safe
public struct PendingFragment: BitwiseCopyable {
    /// The frame's first byte. Valid until `conclude`.
    @unsafe public let start: UnsafeMutableRawPointer
    public let length: Int
    /// The outermost tag if it stood apart from the bytes.
    public let tag: VLANTag?
    fileprivate let next: Int32
}

// What is held of the datagram that `take` said `whole` of, before `conclude`.
extension FragmentGatherer {
    /// Bytes of the largest packet among its fragments.
    public var longestPending: Int { pending >= 0 ? Int(datagrams[pending].longest) : 0 }

    /// The one with the lowest offset.
    public var firstPending: PendingFragment? { pending >= 0 ? pendingFragment(datagrams[pending].lowest) : nil }

    /// The next one, by offset.
    public func pending(after fragment: PendingFragment) -> PendingFragment? { pendingFragment(fragment.next) }

    private func pendingFragment(_ block: Int32) -> PendingFragment? {
        guard block != BlockArena.none else { return nil }
        let record = arena.record(at: block)
        return unsafe PendingFragment(
            start: arena.start(of: block) + FragmentRecord.frameOffset, length: Int(record.frameLength), tag: record.tag,
            next: record.nextByOffset)
    }
}
