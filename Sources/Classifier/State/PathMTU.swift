import Synchronization
import Wire

/// The smaller of the two ports' MTUs, shared by all workers: what a path through Weir takes.
///
/// Only a view: `PathMTUOwner` frees it.
@safe
struct PathMTU: BitwiseCopyable, @unchecked Sendable {
    /// Where nothing is known of the ports.
    static let standard = 1_500
    /// Headers without options (RFC 9293, section 3.1).
    private static let tcpHeader = 20
    /// What a host takes that says nothing (RFC 9293, section 3.7.1).
    private static let defaultSegment = 536

    private let mtu: UnsafeMutablePointer<Atomic<UInt32>>

    fileprivate init() {
        unsafe mtu = .allocate(capacity: 1)
        unsafe mtu.initialize(to: Atomic(UInt32(Self.standard)))
    }

    fileprivate func free() {
        unsafe mtu.deinitialize(count: 1)
        unsafe mtu.deallocate()
    }

    func set(_ bytes: Int) { unsafe mtu.pointee.store(UInt32(clamping: bytes), ordering: .relaxed) }

    /// As Linux has it (`get_tcpmss`, net/netfilter/nft_rt.c): the MTU less the headers without options, or the default where that can't
    /// be; nil for what is no IP.
    func largestSegment(of frame: ParsedFrame) -> UInt128? {
        let mtu = unsafe Int(self.mtu.pointee.load(ordering: .relaxed))
        let headers: Int
        switch frame.network {
        case .ipv4: headers = ParsedFrame.IPv4.headerLength &+ Self.tcpHeader
        case .ipv6: headers = ParsedFrame.IPv6.headerLength &+ Self.tcpHeader
        case .arp, .other: return nil
        }
        return mtu > headers && mtu <= 0xffff ? UInt128(mtu &- headers) : UInt128(Self.defaultSegment)
    }
}

/// The MTU that one program goes by.
struct PathMTUOwner: ~Copyable, Sendable {
    let view = PathMTU()

    deinit { view.free() }
}
