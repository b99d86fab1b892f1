import CLinux
import Foundation
import PacketIO
import Testing

/// What is kept of addresses, routes and neighbours as the kernel lists them, and what is sent to it again.
@Suite struct SavedMessageTests {
    private static func address(
        _ last: UInt8, scope: UInt8 = 0, flags: UInt32 = UInt32(IFA_F_PERMANENT), valid: UInt32 = .max, preferred: UInt32 = .max,
        origin: UInt8? = nil
    ) -> ArraySlice<UInt8> {
        var header = ifaddrmsg()
        header.ifa_family = 10
        header.ifa_prefixlen = 64
        header.ifa_scope = scope
        header.ifa_index = 7
        var message = NetlinkMessage(type: RTM_NEWADDR, header: header)
        message.attribute(IFA_ADDRESS, bytes: [0xfd, 1] + [UInt8](repeating: 0, count: 13) + [last])
        message.attribute(IFA_CACHEINFO, ifa_cacheinfo(ifa_prefered: preferred, ifa_valid: valid, cstamp: 1, tstamp: 2))
        message.attribute(IFA_FLAGS, flags)
        if let origin { message.attribute(11, origin) }
        return message.payload[...]
    }

    private static func route(
        protocol: Int32 = Int32(RTPROT_BOOT), flags: UInt32 = 0, ticks: Int32 = 0, _ attributes: (inout NetlinkMessage) -> Void
    ) -> ArraySlice<UInt8> {
        var header = rtmsg()
        header.rtm_family = 10
        header.rtm_dst_len = 64
        header.rtm_protocol = UInt8(`protocol`)
        header.rtm_flags = flags
        var message = NetlinkMessage(type: RTM_NEWROUTE, header: header)
        message.attribute(RTA_DST.rawValue, bytes: [0xfd, 0x13] + [UInt8](repeating: 0, count: 14))
        attributes(&message)
        var cache = rta_cacheinfo()
        cache.rta_expires = ticks
        message.attribute(RTA_CACHEINFO.rawValue, cache)
        return message.payload[...]
    }

    private static func over(_ index: Int32) -> (inout NetlinkMessage) -> Void { { $0.attribute(RTA_OIF.rawValue, index) } }

    @Test(
        arguments: [
            ("a static one", address(1), true),
            ("a link-local one of the operator's", address(1, scope: 253), true),
            ("a link-local one of the operator's that says so", address(1, scope: 253, origin: 0), true),
            ("the kernel's link-local one", address(1, scope: 253, origin: 3), false),
            ("a temporary one", address(1, flags: UInt32(IFA_F_TEMPORARY)), false),
            ("one that ends", address(1, valid: 10, preferred: 5), true),
            ("half a message", address(1).prefix(5), false),
        ])
    func whichAddressesAreKept(_ what: String, _ listed: ArraySlice<UInt8>, _ isKept: Bool) {
        #expect((SavedMessage(address: listed, at: 100) != nil) == isKept, "\(what)")
    }

    @Test(
        arguments: [
            ("over the interface", route(over(7)), true, true),
            ("over another", route(over(8)), true, false),
            ("the kernel's own", route(protocol: Int32(RTPROT_KERNEL), over(7)), true, false),
            ("a router's, where the kernel learns", route(protocol: Int32(RTPROT_RA), over(7)), true, false),
            ("a router's, where a daemon learns", route(protocol: Int32(RTPROT_RA), over(7)), false, true),
            ("a path MTU that was found out", route(flags: UInt32(RTM_F_CLONED), over(7)), true, false),
            (
                "of a nexthop object",
                route {
                    over(7)(&$0); $0.attribute(30, UInt32(5))
                }, true, false
            ),
            ("one that is over already", route(ticks: -300, over(7)), true, false),
            ("half a message", route(over(7)).prefix(5), true, false),
        ])
    func whichRoutesAreKept(_ what: String, _ listed: ArraySlice<UInt8>, _ learns: Bool, _ isKept: Bool) {
        #expect((SavedMessage(route: listed, over: 7, learns: learns, at: 100) != nil) == isKept, "\(what)")
    }

    @Test func nexthopsOfSeveralInterfacesAreFoundAndCleaned() throws {
        var nexthops: [UInt8] = []
        for (index, flags) in [(7 as Int32, UInt8(RTNH_F_DEAD | RTNH_F_LINKDOWN)), (8, UInt8(RTNH_F_ONLINK))] {
            nexthops += [28, 0, flags, 2]
            nexthops += withUnsafeBytes(of: index) { [UInt8]($0) }
            nexthops += [20, 0, 5, 0] + [UInt8](repeating: 1, count: 16)
        }
        let listed = Self.route(flags: UInt32(RTNH_F_DEAD)) { $0.attribute(RTA_MULTIPATH.rawValue, bytes: nexthops) }
        let saved = try #require(SavedMessage(route: listed, over: 8, learns: true, at: 0))
        #expect(saved.interfaces == [7, 8])
        nexthops[2] = 0
        #expect(saved.payload == Array(Self.route { $0.attribute(RTA_MULTIPATH.rawValue, bytes: nexthops) }.dropLast(36)))
        #expect(SavedMessage(route: listed, over: 9, learns: true, at: 0) == nil)
        // A length that lies.
        nexthops[0] = 200
        #expect(
            SavedMessage(route: Self.route { $0.attribute(RTA_MULTIPATH.rawValue, bytes: nexthops) }, over: 8, learns: true, at: 0) == nil)
    }

    /// Valid and preferred seconds that are left of 100 and 60, or of for ever, after a time.
    @Test(
        arguments: [
            (100, 60, 0, 100, 60), (100, 60, 30, 70, 30), (100, 60, 60, 40, 0), (100, 60, 99, 1, 0), (100, 60, 100, nil, nil),
            (UInt32.max, 60, 70, UInt32.max, 0), (UInt32.max, UInt32.max, 1 << 40, nil, nil),
        ] as [(UInt32, UInt32, Int64, UInt32?, UInt32?)])
    func addressesAge(_ valid: UInt32, _ preferred: UInt32, _ age: Int64, _ validLeft: UInt32?, _ preferredLeft: UInt32?) throws {
        let saved = try #require(SavedMessage(address: Self.address(1, valid: valid, preferred: preferred), at: 1000))
        let aged = saved.aged(to: 1000 + age)
        let times = aged.flatMap { aged in
            NetlinkReader(aged.payload[...]).attributes(after: 8).first { $0.type == IFA_CACHEINFO }
                .flatMap { NetlinkReader($0.content).value(as: ifa_cacheinfo.self) }
        }
        #expect(times?.ifa_valid == validLeft && times?.ifa_prefered == preferredLeft)
        // What lasts for ever needs no times.
        #expect((aged == nil) == (validLeft == nil && valid != .max))
    }

    @Test func routesAge() throws {
        let ticks = Int32(sysconf(Int32(_SC_CLK_TCK)))
        let saved = try #require(SavedMessage(route: Self.route(ticks: 10 * ticks - 1, Self.over(7)), over: 7, learns: true, at: 50))
        func left(_ now: Int64) -> UInt32? {
            saved.aged(to: now).flatMap { aged in
                NetlinkReader(aged.payload[...]).attributes(after: 12).first { $0.type == Int(RTA_EXPIRES.rawValue) }
                    .flatMap { NetlinkReader($0.content).value(as: UInt32.self) }
            }
        }
        #expect([50, 53, 59, 60, 40].map { left($0) } == [10, 7, 1, nil, 10])
    }

    @Test func aNoteOfItIsWhatItWas() throws {
        let saved = [
            try #require(SavedMessage(address: Self.address(200, valid: 9, preferred: 9), at: 1000)),
            try #require(SavedMessage(route: Self.route(Self.over(7)), over: 7, learns: true, at: 0)),
        ]
        #expect(try JSONDecoder().decode([SavedMessage].self, from: JSONEncoder().encode(saved)) == saved)
        // As earlier versions wrote it.
        let earlier = try JSONDecoder().decode(SavedMessage.self, from: Data("{\"type\":20,\"payload\":[10,255]}".utf8))
        #expect(earlier == SavedMessage(type: RTM_NEWADDR, payload: [10, 255]))
        for damaged in ["0", "0g", "A0", "é"] {
            #expect(throws: (any Error).self) {
                try JSONDecoder().decode(SavedMessage.self, from: Data("{\"type\":20,\"payload\":\"\(damaged)\"}".utf8))
            }
        }
    }

    @Test func titlesNameIt() throws {
        #expect(SavedMessage(address: Self.address(1), at: 0)?.title == "address fd01::1/64")
        #expect(SavedMessage(route: Self.route(Self.over(7)), over: 7, learns: true, at: 0)?.title == "IPv6 route fd13::/64")
    }
}
