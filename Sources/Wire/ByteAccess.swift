/// Numbers in network byte order, read in place.
///
/// Shaped like the accessors of SE-0525, so that the standard library's own can take their place. The loads are bounds-checked
/// and trap outside of the span; every caller compares lengths once, before the first load of a header.
extension RawSpan {
    /// The byte at `offset`.
    @inlinable @inline(always)
    public func u8(at offset: Int) -> UInt8 {
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// The 16 bits that begin at `offset`, most significant byte first.
    @inlinable @inline(always)
    public func be16(at offset: Int) -> UInt16 {
        unsafe UInt16(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// The 32 bits that begin at `offset`, most significant byte first.
    @inlinable @inline(always)
    public func be32(at offset: Int) -> UInt32 {
        unsafe UInt32(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// The 48 bits that begin at `offset`, most significant byte first: a MAC address.
    @inlinable @inline(always)
    public func be48(at offset: Int) -> UInt64 {
        UInt64(be32(at: offset)) << 16 | UInt64(be16(at: offset + 4))
    }

    /// The 128 bits that begin at `offset`, most significant byte first: an IPv6 address.
    @inlinable @inline(always)
    public func be128(at offset: Int) -> UInt128 {
        unsafe UInt128(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt128.self))
    }

    /// The 32 bits that begin at `offset`, in the machine's byte order: for sums that do not depend on it (RFC 1071, section 2(B)).
    @inlinable @inline(always)
    package func native32(at offset: Int) -> UInt32 {
        unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)
    }

    /// The 16 bits that begin at `offset`, in the machine's byte order.
    @inlinable @inline(always)
    package func native16(at offset: Int) -> UInt16 {
        unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self)
    }
}
