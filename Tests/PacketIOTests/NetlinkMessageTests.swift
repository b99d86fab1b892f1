import CLinux
import PacketIO
import Testing

@Suite struct NetlinkMessageTests {
    /// RTM_NEWQDISC that adds a clsact qdisc to interface 7, as `tc` sends it.
    @Test func buildsAQdiscRequest() {
        var header = tcmsg()
        header.tcm_ifindex = 7
        header.tcm_handle = 0xffff_0000
        header.tcm_parent = 0xffff_fff1
        var message = NetlinkMessage(type: RTM_NEWQDISC, header: header)
        message.attribute(1, string: "clsact")
        let expected: [UInt8] = [
            0x30, 0, 0, 0,  // length 48
            36, 0,  // RTM_NEWQDISC
            0x05, 0x06,  // NLM_F_REQUEST | NLM_F_ACK | NLM_F_EXCL | NLM_F_CREATE
            9, 0, 0, 0,  // sequence
            0, 0, 0, 0,  // port
            0, 0, 0, 0,  // AF_UNSPEC, padding
            7, 0, 0, 0,  // tcm_ifindex
            0, 0, 0xff, 0xff,  // tcm_handle ffff:
            0xf1, 0xff, 0xff, 0xff,  // tcm_parent ffff:fff1
            0, 0, 0, 0,  // tcm_info
            11, 0, 1, 0,  // TCA_KIND, 4 + 7 bytes
            0x63, 0x6c, 0x73, 0x61, 0x63, 0x74, 0,  // clsact
            0,  // up to a multiple of 4
        ]
        #expect(message.bytes(flags: 0x0605, sequence: 9) == expected)
    }

    @Test func nestsAttributes() {
        var message = NetlinkMessage(type: 1, payload: [])
        message.nest(2) { outer in
            outer.nest(1) { $0.attribute(3, UInt16(0x1234)) }
            outer.attribute(4, UInt32(5))
        }
        #expect(
            message.payload == [
                24, 0, 2, 0,  // outer: 4 + 12 + 8
                12, 0, 1, 0,  // inner: 4 + 8
                6, 0, 3, 0, 0x34, 0x12, 0, 0,
                8, 0, 4, 0, 5, 0, 0, 0,
            ])
    }

    @Test func readsWhatItWrote() {
        var message = NetlinkMessage(type: 1, header: UInt32(0xdead))
        message.attribute(3, string: "eth1")
        message.attribute(4, UInt32(1500))
        let reader = NetlinkReader(message.payload[...])
        let attributes = reader.attributes(after: 4)
        #expect(reader.value(as: UInt32.self) == 0xdead)
        #expect(attributes.map(\.type) == [3, 4])
        #expect(attributes.first.map { NetlinkReader.string($0.content) } == "eth1")
        #expect(attributes.last.flatMap { NetlinkReader($0.content).value(as: UInt32.self) } == 1500)
    }

    /// Lengths that lie, and ends in the middle of everything: what is there is read, nothing traps.
    @Test(
        arguments: [
            ("nothing", [], 0),
            ("half an attribute header", [8, 0], 0),
            ("a length of 0", [0, 0, 1, 0, 8, 0, 2, 0, 1, 2, 3, 4], 0),
            ("a length below the header's", [3, 0, 1, 0], 0),
            ("a length beyond the end", [200, 0, 1, 0, 1, 2, 3, 4], 0),
            ("a good one, then a cut one", [8, 0, 1, 0, 1, 2, 3, 4, 8, 0, 2, 0, 1], 1),
            ("an unpadded last one", [6, 0, 1, 0, 1, 2], 1),
            ("nested and byte order flags", [4, 0, 1, 0xc0], 1),
        ] as [(String, [UInt8], Int)])
    func readsDamagedAttributes(_ damage: String, _ bytes: [UInt8], _ count: Int) {
        let attributes = NetlinkReader(bytes[...]).attributes(after: 0)
        #expect(attributes.count == count, "\(damage)")
        #expect(attributes.allSatisfy { $0.type == 1 }, "\(damage)")
        #expect(NetlinkReader(bytes[...]).value(at: bytes.count, as: UInt32.self) == nil, "\(damage)")
    }
}
