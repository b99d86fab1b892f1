/// The marks (`SO_MARK`) by which the guard of a port knows frames that Weir sends by that port.
///
/// A frame keeps its mark when it comes in again by another interface of the same namespace (a veth, a bridge, a mirred action): so
/// each port has a mark of its own, which no other port lets out, and another one in each process, which nobody else can have set. A
/// guard of programs takes the mark off besides.
public enum SendMark {
    private static let seed = UInt32.random(in: .min ... .max)
    /// An odd number, so that interfaces have marks of their own (the golden ratio's, as in include/linux/hash.h).
    public static let step: UInt32 = 0x61c8_8647
    /// What `of(_:)` adds to the index, so that a program can know the mark of a port that it sends to: (index * `step` + `offset`) | 1.
    public static var offset: UInt32 { seed }

    /// Of frames that leave by the interface of this index. Never 0, which is what frames without a mark have.
    public static func of(_ index: Int32) -> UInt32 {
        (UInt32(bitPattern: index) &* step &+ offset) | 1
    }

    /// The upper half of the marks that tell the guard's program of a tunnel (`KernelTunnel.description`).
    public static let tunnelPrefix = UInt16.random(in: 1 ... .max)
}
