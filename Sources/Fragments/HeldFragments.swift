import Wire

/// Blocks as what they hold: a record, ten bytes of a `struct virtio_net_hdr`, a frame.
extension BlockArena {
    /// Bytes that are lent.
    var lentBytes: Int { byteCount &- freeBytes }

    @inline(__always)
    func record(at block: Int32) -> FragmentRecord {
        unsafe start(of: block).load(as: FragmentRecord.self)
    }

    @inline(__always)
    func setRecord(_ record: FragmentRecord, at block: Int32) {
        unsafe start(of: block).storeBytes(of: record, as: FragmentRecord.self)
    }

    @inline(__always)
    func update(_ block: Int32, _ change: (inout FragmentRecord) -> Void) {
        var record = record(at: block)
        change(&record)
        setRecord(record, at: block)
    }

    /// Fills a block that is large enough: the frame too unless the record says that it isn't held.
    func write(_ record: FragmentRecord, _ bytes: RawSpan, _ tag: FrameTag, at block: Int32) {
        setRecord(record, at: block)
        guard record.frameLength > 0 else { return }
        let frame = unsafe start(of: block) + FragmentRecord.frameOffset
        unsafe tag.write(before: frame)
        unsafe bytes.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { unsafe frame.copyMemory(from: base, byteCount: bytes.count) }
        }
    }

    /// The frame that a block holds; valid until the block is given back.
    @unsafe
    func frame(at block: Int32) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: start(of: block) + FragmentRecord.frameOffset, count: Int(record(at: block).frameLength))
    }
}
