import PacketIO
import Testing

/// Chains of nftables and XDP programs as the kernel's messages tell them.
@Suite struct InterfaceChainTests {
    /// An `NFT_MSG_NEWCHAIN` of family netdev with the devices that `devices` adds to its hook.
    private static func chain(hook: UInt32, _ devices: (inout NetlinkMessage) -> Void) -> ArraySlice<UInt8> {
        var message = NetlinkMessage(type: 0, header: UInt32(5))
        message.attribute(1, string: "t")
        message.attribute(3, string: "out")
        message.nest(4) { attributes in
            attributes.attribute(1, hook.bigEndian)
            devices(&attributes)
        }
        return ArraySlice(message.payload)
    }

    private static func chains(_ payload: ArraySlice<UInt8>) -> [InterfaceChain] {
        InterfaceChain.chains(payload, egress: 1, ingress: 0)
    }

    private static func link(_ name: String) -> Link { Link(index: 7, name: name, mtu: 1500, hardwareType: 1, master: 0) }

    @Test func aChainHangsOnEachOfItsDevices() {
        let payload = Self.chain(hook: 1) { hook in
            hook.nest(4) { devices in
                devices.attribute(1, string: "eth1")
                devices.attribute(1, string: "eth2")
            }
        }
        let chains = Self.chains(payload)
        #expect(chains.map(\.device) == [.named("eth1"), .named("eth2")])
        #expect(chains.allSatisfy { $0.table == "t" && $0.name == "out" && $0.side == .egress })
        #expect(chains[0].isOn(Self.link("eth1")) && !chains[0].isOn(Self.link("eth10")))
    }

    /// What Linux 6.16 and 6.17 send, and what later ones do.
    @Test(arguments: [1, 2])
    func aChainHangsOnAllWhoseNamesBeginSo(_ type: Int) {
        let payload = Self.chain(hook: 1) { hook in
            hook.nest(4) { $0.attribute(type, bytes: [UInt8]("eth".utf8) + (type == 2 ? [0] : [])) }
        }
        let chains = Self.chains(payload)
        #expect(chains.map(\.device) == [.beginning("eth")])
        #expect(chains[0].isOn(Self.link("eth1")) && !chains[0].isOn(Self.link("lan1")))
    }

    @Test func aChainOfOneDevice() {
        let payload = Self.chain(hook: 0) { $0.attribute(3, string: "eth1") }
        #expect(Self.chains(payload) == [InterfaceChain(table: "t", name: "out", side: .ingress, device: .named("eth1"))])
        #expect(Self.chains(Self.chain(hook: 7) { $0.attribute(3, string: "eth1") }) == [])
    }

    @Test func programsByTheWayTheyAreAttached() {
        var message = NetlinkMessage(type: 0, header: UInt32(0))
        // IFLA_XDP_ATTACHED is XDP_ATTACHED_MULTI.
        message.attribute(2, UInt8(4))
        message.attribute(6, UInt32(12))
        message.attribute(5, UInt32(11))
        message.attribute(7, UInt32(0))
        #expect(
            XDPProgram.programs(in: message.payload.dropFirst(4)) == [
                XDPProgram(id: 11, mode: .driver), XDPProgram(id: 12, mode: .generic),
            ])
    }
}
