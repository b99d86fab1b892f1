import CLinux
import Glibc

/// A netlink message that puts an IPv6 address, route or neighbour back: what the kernel gave in a dump, without what it wouldn't take.
public struct SavedMessage: Sendable, Equatable {
    /// `RTM_NEWADDR`, `RTM_NEWROUTE` or `RTM_NEWNEIGH`.
    package var type: UInt16
    package var payload: [UInt8]
    /// When it was taken, in seconds of CLOCK_MONOTONIC: lifetimes in it count from here. nil if it lasts for ever.
    package var taken: Int64?

    package init(type: Int, payload: [UInt8], taken: Int64? = nil) {
        self.type = UInt16(truncatingIfNeeded: type)
        self.payload = payload
        self.taken = taken
    }

    /// `INFINITY_LIFE_TIME` (include/net/addrconf.h).
    private static let forEver = UInt32.max
    /// `NDA_FLAGS_EXT` and its `NTF_EXT_MANAGED` (include/uapi/linux/neighbour.h).
    private static let extendedFlags = 15
    private static let managed: UInt32 = 1
    /// `IFA_PROTO` and its `IFAPROT_KERNEL_LL` (include/uapi/linux/if_addr.h, Linux 5.18).
    private static let addressOrigin = 11
    private static let linkLocalOfKernel: UInt8 = 3

    // MARK: taking

    /// An address as RTM_GETADDR lists it; nil for one that the kernel makes again by itself.
    ///
    /// - Parameter makesLinkLocal: It makes link-local addresses there; one that it has made before stays where it doesn't any more.
    package init?(address listed: ArraySlice<UInt8>, makesLinkLocal: Bool = true, at now: Int64) {
        let reader = NetlinkReader(listed)
        guard let header = reader.value(as: ifaddrmsg.self) else { return nil }
        let attributes = reader.attributes(after: MemoryLayout<ifaddrmsg>.size)
        let flags =
            attributes.first { $0.type == IFA_FLAGS }.flatMap { NetlinkReader($0.content).value(as: UInt32.self) }
            ?? UInt32(header.ifa_flags)
        // One with IFA_F_MANAGETEMPADDR makes its temporary addresses again.
        guard flags & UInt32(IFA_F_TEMPORARY) == 0 else { return nil }
        let isLinkLocalOfKernel = attributes.first { $0.type == Self.addressOrigin }?.content.first == Self.linkLocalOfKernel
        guard !isLinkLocalOfKernel || !makesLinkLocal else { return nil }
        let isLasting =
            attributes.first { $0.type == IFA_CACHEINFO }.flatMap { NetlinkReader($0.content).value(as: ifa_cacheinfo.self) }
            .map { $0.ifa_valid == Self.forEver && $0.ifa_prefered == Self.forEver } ?? true
        var message = NetlinkMessage(type: RTM_NEWADDR, header: header)
        for (type, content) in attributes where type != IFA_CACHEINFO || !isLasting { message.attribute(type, bytes: content) }
        self.init(type: RTM_NEWADDR, payload: message.payload, taken: isLasting ? nil : now)
    }

    /// A route as RTM_GETROUTE lists it; nil for one that isn't over the interface, stays without IPv6, or comes again by itself.
    ///
    /// - Parameter learns: The kernel takes routes of router advertisements there.
    package init?(route listed: ArraySlice<UInt8>, over index: Int32, learns: Bool, at now: Int64) {
        let reader = NetlinkReader(listed)
        guard var header = reader.value(as: rtmsg.self), header.rtm_flags & UInt32(RTM_F_CLONED) == 0 else { return nil }
        guard header.rtm_protocol != UInt8(RTPROT_KERNEL), header.rtm_protocol != UInt8(RTPROT_RA) || !learns else { return nil }
        let attributes = reader.attributes(after: MemoryLayout<rtmsg>.size)
        // A route of a nexthop object goes and comes with that.
        guard !attributes.contains(where: { $0.type == Int(RTA_NH_ID.rawValue) }) else { return nil }
        // All other flags say how it fares (dead, offloaded), and the kernel refuses some of them.
        header.rtm_flags &= UInt32(RTNH_F_ONLINK)
        var message = NetlinkMessage(type: RTM_NEWROUTE, header: header)
        var taken: Int64?
        for (type, content) in attributes {
            switch UInt32(type) {
            case RTA_CACHEINFO.rawValue:
                // What a request calls RTA_EXPIRES, in seconds, a listing has here, in ticks: 0 for never, and below it once it is over.
                guard let ticks = NetlinkReader(content).value(as: rta_cacheinfo.self)?.rta_expires, ticks != 0 else { continue }
                guard ticks > 0 else { return nil }
                let second = Int32(max(1, sysconf(Int32(_SC_CLK_TCK))))
                message.attribute(RTA_EXPIRES.rawValue, UInt32(ticks / second + (ticks % second == 0 ? 0 : 1)))
                taken = now
            case RTA_MULTIPATH.rawValue:
                message.attribute(type, bytes: Self.onlyOnLink(content))
            default:
                message.attribute(type, bytes: content)
            }
        }
        self.init(type: RTM_NEWROUTE, payload: message.payload, taken: taken)
        guard interfaces.contains(index) else { return nil }
    }

    /// A neighbour as RTM_GETNEIGH lists it; nil for one that is learnt.
    package init?(neighbour listed: ArraySlice<UInt8>) {
        let reader = NetlinkReader(listed)
        guard var header = reader.value(as: ndmsg.self) else { return nil }
        let attributes = reader.attributes(after: MemoryLayout<ndmsg>.size)
        let extended =
            attributes.first { $0.type == Self.extendedFlags }.flatMap { NetlinkReader($0.content).value(as: UInt32.self) } ?? 0
        let isManaged = extended & Self.managed != 0
        let isProxy = header.ndm_flags & UInt8(NTF_PROXY) != 0
        // Neighbours that are groups, which the kernel makes, have no state but NUD_NOARP either.
        let isFixed = header.ndm_state & UInt16(NUD_PERMANENT | NUD_NOARP) != 0 && header.ndm_type != UInt8(RTN_MULTICAST)
        guard isManaged || isProxy || isFixed || header.ndm_flags & UInt8(NTF_EXT_LEARNED) != 0 else { return nil }
        // The kernel finds out the address of such a one, and may not have.
        if isManaged { header.ndm_state = 0 }
        var message = NetlinkMessage(type: RTM_NEWNEIGH, header: header)
        let kept = [NDA_DST, isManaged ? NDA_DST : NDA_LLADDR, 12 /* NDA_PROTOCOL */, Self.extendedFlags]
        for (type, content) in attributes where kept.contains(type) { message.attribute(type, bytes: content) }
        self.init(type: RTM_NEWNEIGH, payload: message.payload)
    }

    /// Nexthops without the flags that say how they fare.
    private static func onlyOnLink(_ nexthops: ArraySlice<UInt8>) -> [UInt8] {
        var bytes = Array(nexthops)
        for start in starts(of: nexthops) { bytes[start + 2] &= UInt8(RTNH_F_ONLINK) }
        return bytes
    }

    /// Where each `struct rtnexthop` begins.
    private static func starts(of nexthops: ArraySlice<UInt8>) -> [Int] {
        var (found, start): ([Int], Int) = ([], 0)
        while let nexthop = NetlinkReader(nexthops).value(at: start, as: rtnexthop.self), nexthop.rtnh_len >= 8 {
            found.append(start)
            start += (Int(nexthop.rtnh_len) + 3) & ~3
        }
        return found
    }

    // MARK: what it says

    private var reader: NetlinkReader { NetlinkReader(payload[...]) }

    private var headerSize: Int {
        switch Int(type) {
        case RTM_NEWADDR: MemoryLayout<ifaddrmsg>.size
        case RTM_NEWROUTE: MemoryLayout<rtmsg>.size
        default: MemoryLayout<ndmsg>.size
        }
    }

    private func attribute(_ type: some BinaryInteger) -> ArraySlice<UInt8>? {
        reader.attributes(after: headerSize).first { $0.type == Int(type) }?.content
    }

    /// The interfaces that a route leads over, by index.
    package var interfaces: [Int32] {
        if let single = attribute(RTA_OIF.rawValue).flatMap({ NetlinkReader($0).value(as: Int32.self) }) { return [single] }
        guard let nexthops = attribute(RTA_MULTIPATH.rawValue) else { return [] }
        return Self.starts(of: nexthops).compactMap { NetlinkReader(nexthops).value(at: $0, as: rtnexthop.self)?.rtnh_ifindex }
    }

    /// Of a route, what can't be there twice on one interface: table, destination, source and metric.
    var routeKey: [[UInt8]] {
        [Array(payload.prefix(4))]
            + [RTA_TABLE, RTA_DST, RTA_SRC, RTA_PRIORITY].map { attribute($0.rawValue).map { Array($0) } ?? [] }
    }

    /// The address itself, of an address; the preferred source address, of a route.
    var ownAddress: [UInt8]? {
        switch Int(type) {
        case RTM_NEWADDR: (attribute(IFA_LOCAL) ?? attribute(IFA_ADDRESS)).map { Array($0) }
        case RTM_NEWROUTE: attribute(RTA_PREFSRC.rawValue).map { Array($0) }
        default: nil
        }
    }

    /// In words.
    package var title: String {
        func text(_ address: ArraySlice<UInt8>?) -> String {
            guard let address, address.count == 16 else { return "::" }
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            _ = Array(address).withUnsafeBytes { inet_ntop(AF_INET6, $0.baseAddress, &text, socklen_t(text.count)) }
            return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        let length = payload.count > 1 ? payload[1] : 0
        switch Int(type) {
        case RTM_NEWADDR: return "address \(text(attribute(IFA_LOCAL) ?? attribute(IFA_ADDRESS)))/\(length)"
        case RTM_NEWROUTE: return "IPv6 route \(text(attribute(RTA_DST.rawValue)))/\(length)"
        default: return "neighbour \(text(attribute(NDA_DST)))"
        }
    }

    // MARK: giving back

    /// The message as it has to be now, when part of its lifetime is over; nil once all of it is.
    package func aged(to now: Int64) -> SavedMessage? {
        guard let taken, now > taken else { return self }
        let age = UInt32(clamping: now - taken)
        var message = NetlinkMessage(type: type, payload: Array(payload.prefix(headerSize)))
        for (type, content) in reader.attributes(after: headerSize) {
            if self.type == UInt16(RTM_NEWADDR), type == IFA_CACHEINFO, var times = NetlinkReader(content).value(as: ifa_cacheinfo.self) {
                guard times.ifa_valid > age else { return nil }
                if times.ifa_valid != Self.forEver { times.ifa_valid -= age }
                if times.ifa_prefered != Self.forEver { times.ifa_prefered -= min(age, times.ifa_prefered) }
                message.attribute(type, times)
            } else if self.type == UInt16(RTM_NEWROUTE), type == Int(RTA_EXPIRES.rawValue),
                let left = NetlinkReader(content).value(as: UInt32.self)
            {
                guard left > age else { return nil }
                message.attribute(type, left - age)
            } else {
                message.attribute(type, bytes: content)
            }
        }
        return SavedMessage(type: Int(type), payload: message.payload)
    }

    /// An address with the flag that it is taken to be nobody else's; nil if it has it already.
    var withoutDetection: SavedMessage? {
        var flags = attribute(IFA_FLAGS).flatMap { NetlinkReader($0).value(as: UInt32.self) } ?? UInt32(payload[2])
        guard flags & UInt32(IFA_F_NODAD) == 0 else { return nil }
        flags |= UInt32(IFA_F_NODAD)
        var message = NetlinkMessage(type: type, payload: Array(payload.prefix(headerSize)))
        for (type, content) in reader.attributes(after: headerSize) where type != IFA_FLAGS { message.attribute(type, bytes: content) }
        message.attribute(IFA_FLAGS, flags)
        return SavedMessage(type: Int(type), payload: message.payload)
    }
}

extension SavedMessage: Codable {
    private enum Key: CodingKey {
        case type, payload, taken
    }

    /// The payload is hexadecimal, or a list of numbers as earlier versions wrote it.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        type = try container.decode(UInt16.self, forKey: .type)
        taken = try container.decodeIfPresent(Int64.self, forKey: .taken)
        if let text = try? container.decode(String.self, forKey: .payload) {
            let digits = text.utf8.map { $0 >= 0x61 ? $0 &- 0x57 : $0 &- 0x30 }
            guard digits.count % 2 == 0, digits.allSatisfy({ $0 < 16 }) else {
                throw DecodingError.dataCorruptedError(forKey: .payload, in: container, debugDescription: "not hexadecimal")
            }
            payload = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
        } else {
            payload = try container.decode([UInt8].self, forKey: .payload)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        let digits = Array("0123456789abcdef".utf8)
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(type, forKey: .type)
        try container.encode(
            String(decoding: payload.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self), forKey: .payload)
        try container.encodeIfPresent(taken, forKey: .taken)
    }
}
