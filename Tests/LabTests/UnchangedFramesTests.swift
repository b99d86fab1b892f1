import Foundation
import Testing

extension UntimedLabTests {
    /// What passes, passes unchanged, once, and nothing comes back.
    @Suite("Unchanged frames")
    struct UnchangedFramesTests {
        /// Sends each kind alone, from one side, and holds what comes out against what went in.
        private func expectUnchanged(_ kinds: [FrameKind], from side: Side, over wiretap: Wiretap) throws {
            for kind in kinds where !(Requirements.middleIsBridge && kind.isKeptByBridges) {
                let exchange = try wiretap.send(kind.frame, from: side, quiet: .milliseconds(20), awaiting: 1)
                try #require(exchange.errors.isEmpty, "\(kind): the sending host's kernel refuses it")
                #expect(exchange.frames(at: side.other) == exchange.sent, "\(kind), from \(side)")
                #expect(exchange.frames(at: side).isEmpty, "\(kind), from \(side), comes back")
            }
        }

        @Test("every kind of frame comes out as it went in", arguments: Side.allCases, [1, 2])
        func everyKind(from side: Side, workers: Int) throws {
            let lab = try Lab(bare: true)
            let weir = try lab.startMiddle(workers: workers, options: ["--max-tags", "3"])
            try expectUnchanged(FrameKind.all, from: side, over: Wiretap(lab))
            if let weir {
                let counters = try weir.counters()
                #expect(counters.port(side.port)?.received.frames == UInt64(FrameKind.all.count))
                #expect(counters.port(side.other.port)?.sent.frames == UInt64(FrameKind.all.count))
                #expect(counters.frames(for: "policy") == 0)
            }
        }

        /// Fact 18: the packet socket takes 4 bytes above the MTU only behind EtherType 0x8100, so the ports have to be raised.
        @Test("frames of the full size pass with every tag", arguments: Side.allCases)
        func fullSize(from side: Side) throws {
            let lab = try Lab(bare: true)
            try lab.require(in: .near, "ip link set near0 mtu 1600")
            try lab.require(in: .far, "ip link set far0 mtu 1600")
            let weir = try lab.startMiddle()
            // Without Weir to raise the ports' MTU, nothing else can.
            if Requirements.middleIsBridge {
                try lab.require(in: .fw, "ip link set eth1 mtu 1516")
                try lab.require(in: .fw, "ip link set eth2 mtu 1516")
            }
            try expectUnchanged(FrameKind.fullSize, from: side, over: Wiretap(lab))
            #expect(try weir?.counters().ports.map(\.tooBig) ?? [0, 0] == [0, 0])
        }

        @Test("frames of 9,000 bytes pass where the MTU allows them", arguments: Side.allCases)
        func jumbo(from side: Side) throws {
            let lab = try Lab(bare: true)
            for (place, interface) in [(Place.near, "near0"), (.far, "far0"), (.fw, "eth1"), (.fw, "eth2")] {
                try lab.require(in: place, "ip link set \(interface) mtu 9000")
            }
            let weir = try lab.startMiddle()
            try expectUnchanged(
                [
                    FrameKind(name: "9,000 bytes", frame: "near/near4/UDP(dport=9)/data(8972)"),
                    FrameKind(name: "9,000 bytes, tagged", frame: "near/Dot1Q(vlan=5)/near4/UDP(dport=9)/data(8972)"),
                    FrameKind(name: "9,000 bytes, IPv6", frame: "near/near6/UDP(dport=9)/data(8952)"),
                ], from: side, over: Wiretap(lab))
            withExtendedLifetime(weir) {}
        }

        /// What no host can have meant is dropped under its own name, before any rule, behind tags as well.
        @Test(
            "malformed IP is dropped under its reason", .needsWeir,
            arguments: [
                ("ipv4-header-cut-off", "cut(near/near4/UDP(), 33)"),
                ("ipv4-header-cut-off", "cut(near/near4/UDP(), 14)"),
                ("ipv4-version", "overwritten(near/near4/UDP(dport=9)/data(30), 14, 0x55)"),
                ("ipv4-header-length", "overwritten(near/near4/UDP(dport=9)/data(30), 14, 0x44)"),
                ("ipv4-total-length", "overwritten(near/near4/UDP(dport=9)/data(30), 16, 0, 19)"),
                ("ipv4-beyond-frame", "overwritten(near/near4/UDP(dport=9)/data(30), 16, 0, 59)"),
                ("ipv6-header-cut-off", "cut(near/near6/UDP(), 53)"),
                ("ipv6-version", "overwritten(near/near6/UDP(dport=9)/data(30), 14, 0x40)"),
                ("ipv6-beyond-frame", "overwritten(near/near6/UDP(dport=9)/data(30), 18, 0, 39)"),
                ("ipv6-extension-header-cut-off", "near/IPv6(src='fd77::1', dst='fd77::2', nh=0)/Raw(b'\\x11\\1\\0\\0\\0\\0\\0\\0')"),
                (
                    "ipv6-jumbogram",
                    "near/IPv6(src='fd77::1', dst='fd77::2', nh=0, plen=0)/Raw(b'\\x06\\0\\xc2\\4\\0\\1\\0\\0' + bytes(600))"
                ),
                ("ipv4-version", "overwritten(near/Dot1Q(vlan=5)/near4/UDP(dport=9)/data(30), 18, 0x55)"),
                ("ipv6-beyond-frame", "overwritten(near/Dot1AD(vlan=5)/Dot1Q(vlan=6)/near6/UDP(dport=9)/data(30), 26, 0, 39)"),
            ])
        func malformed(reason: String, frame: String) throws {
            let lab = try Lab(bare: true)
            let weir = try Weir(in: lab)
            let exchange = try Wiretap(lab).send(frame, from: .near, quiet: .milliseconds(100))
            #expect(exchange.sent.compactMap { $0 }.count == 1)
            #expect(exchange.near.isEmpty && exchange.far.isEmpty)
            #expect(try weir.counters().frames(for: reason) == 1, "\(frame)")
        }
    }
}
