import CLinux
import Glibc

/// The machine's interfaces: reads them, and changes what Weir changes for a run.
public final class Links {
    private let netlink: NetlinkSocket

    public init() throws(SystemCallError) {
        netlink = try NetlinkSocket()
    }

    /// All interfaces of this network namespace, by index.
    public func all() throws(SystemCallError) -> [Link] {
        let request = NetlinkMessage(type: RTM_GETLINK, header: ifinfomsg())
        return try netlink.query(request, dump: true, "list the interfaces")
            .compactMap { Link(message: $0.payload) }
            .sorted { $0.index < $1.index }
    }

    /// The interface of that name, be it an alternative one, or nil.
    public func link(named name: String) throws(SystemCallError) -> Link? {
        let length = name.utf8.count
        guard length > 0, length < Link.alternativeNameCapacity else { return nil }
        var request = NetlinkMessage(type: RTM_GETLINK, header: ifinfomsg())
        // Either attribute finds either kind of name (net/core/rtnetlink.c, rtnl_dev_get); they differ in what fits.
        request.attribute(length < Link.nameCapacity ? IFLA_IFNAME : IFLA_ALT_IFNAME, string: name)
        return try link(request, "look up \(name)")
    }

    /// The interface of that index, whatever it is called now, or nil.
    public func link(index: Int32) throws(SystemCallError) -> Link? {
        guard index > 0 else { return nil }
        return try link(NetlinkMessage(type: RTM_GETLINK, header: ifinfomsg(index: index)), "look up interface \(index)")
    }

    private func link(_ request: NetlinkMessage, _ what: String) throws(SystemCallError) -> Link? {
        do {
            return try netlink.query(request, dump: false, what).lazy.compactMap { Link(message: $0.payload) }.first
        } catch  where error.code == ENODEV {
            return nil
        }
    }

    /// The messages that answer a request for a list.
    func query(_ request: NetlinkMessage, _ what: String) throws(SystemCallError) -> [(type: UInt16, payload: ArraySlice<UInt8>)] {
        try netlink.query(request, dump: true, what)
    }

    /// Carries many requests out, and returns the kernel's answer to each: nil if it did so. Each is named by its `what`.
    func requests(
        _ requests: [(message: NetlinkMessage, what: String)], flags: Int32
    ) throws(SystemCallError) -> [SystemCallError?] {
        try netlink.requests(requests, flags: flags)
    }

    /// Changes the interface's MTU.
    func setMTU(_ mtu: UInt32, of link: Link) throws(SystemCallError) {
        var request = NetlinkMessage(type: RTM_NEWLINK, header: ifinfomsg(index: link.index))
        request.attribute(IFLA_MTU, mtu)
        try netlink.request(request, "set the MTU of \(link.name) to \(mtu)")
    }

    /// Has the interface take frames of all addresses, whether or not a socket asks for them (`ip link set … promisc on`).
    func setPromiscuous(_ isOn: Bool, of link: Link) throws(SystemCallError) {
        var header = ifinfomsg(index: link.index)
        header.ifi_flags = isOn ? UInt32(IFF_PROMISC) : 0
        header.ifi_change = UInt32(IFF_PROMISC)
        try netlink.request(
            NetlinkMessage(type: RTM_NEWLINK, header: header), "set \(link.name) \(isOn ? "to" : "back from") promiscuous mode")
    }

    /// The network addresses on an interface, as text: what the host answers to there without Weir.
    public func addresses(of link: Link) throws(SystemCallError) -> [String] {
        var found: [String] = []
        for family in [AF_INET, AF_INET6] {
            for payload in try addressMessages(of: link, family: family) {
                let attributes = NetlinkReader(payload).attributes(after: MemoryLayout<ifaddrmsg>.size)
                let local = attributes.first { $0.type == IFA_LOCAL } ?? attributes.first { $0.type == IFA_ADDRESS }
                guard let local else { continue }
                var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
                _ = Array(local.content).withUnsafeBytes { inet_ntop(family, $0.baseAddress, &text, socklen_t(text.count)) }
                found.append(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
            }
        }
        return found
    }

    func addressMessages(of link: Link, family: Int32) throws(SystemCallError) -> [ArraySlice<UInt8>] {
        var header = ifaddrmsg()
        header.ifa_family = UInt8(truncatingIfNeeded: family)
        return try netlink.query(NetlinkMessage(type: RTM_GETADDR, header: header), dump: true, "list the addresses of \(link.name)")
            .map(\.payload)
            .filter { NetlinkReader($0).value(as: ifaddrmsg.self).map { $0.ifa_index == UInt32(link.index) } ?? false }
    }
}

extension ifinfomsg {
    init(index: Int32) {
        self.init()
        ifi_index = index
    }
}

/// Says when any interface of the machine changed: appeared, went, was set up or down, got another MTU or address, or other qdiscs or
/// filters of tc.
public struct LinkEvents: ~Copyable {
    private let descriptor: Descriptor

    public init() throws(SystemCallError) {
        let groups = RTMGRP_LINK | RTMGRP_TC | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR
        descriptor = try NetlinkSocket.open(groups: UInt32(groups), flags: Int32(SOCK_NONBLOCK.rawValue))
    }

    /// To be polled for `POLLIN`.
    public var number: Int32 { descriptor.number }

    /// Empties the queue. What the messages say is not read: the woken thread looks at the interfaces themselves, which is
    /// right also when messages were lost (`ENOBUFS`).
    public func drain() { drainNetlink(descriptor.number) }
}

/// Takes what waits in a netlink socket that doesn't block.
func drainNetlink(_ number: Int32) {
    withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 8) { buffer in
        // Not without end where somebody changes things all the time: what is left makes the descriptor readable again.
        for _ in 0..<1024 {
            guard recv(number, buffer.baseAddress, buffer.count, 0) >= 0 || errno == ENOBUFS || errno == EINTR else { return }
        }
    }
}

/// A number for the network namespace of this process that no other one has had since the machine started (SO_NETNS_COOKIE,
/// Linux 5.14); 0 on an older kernel.
public func networkNamespaceCookie() -> UInt64 {
    guard let socket = try? NetlinkSocket.open(groups: 0, flags: 0) else { return 0 }
    var cookie: UInt64 = 0
    var length = socklen_t(MemoryLayout<UInt64>.size)
    return getsockopt(socket.number, SOL_SOCKET, 71 /* SO_NETNS_COOKIE */, &cookie, &length) == 0 ? cookie : 0
}
