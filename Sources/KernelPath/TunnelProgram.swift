import PacketIO
import Segmentation

/// Tells the kernel which tunnel a super-frame of Weir's is in.
///
/// A packet socket's `virtio_net_hdr` can say "TCP to be segmented" and where the innermost transport header is, but nothing of
/// tunnels (include/linux/virtio_net.h), and the kernel refuses such a frame. `bpf_skb_adjust_room` can say it, of headers that it
/// makes room for (net/core/filter.c, bpf_skb_net_grow): so the outer headers are taken off and put on again. What leaves is the frame
/// as it came, with the segmentation type that its sender's kernel gave it, and a device that can't segment it has the kernel do so.
enum TunnelProgram {
    // `enum bpf_func_id` (include/uapi/linux/bpf.h).
    private static let storeBytes: Int32 = 9
    private static let pushTag: Int32 = 18
    private static let popTag: Int32 = 19
    private static let loadBytes: Int32 = 26
    private static let adjustRoom: Int32 = 50

    // Arguments of `bpf_skb_adjust_room`: the mode, and `BPF_F_ADJ_ROOM_…`.
    private static let macMode: Int32 = 1
    /// A segment's size stays.
    private static let fixedSegments: Int32 = 1 << 0
    private static let encapsulateIPv4: Int32 = 1 << 1
    private static let encapsulateIPv6: Int32 = 1 << 2
    private static let encapsulateGRE: Int32 = 1 << 3
    private static let encapsulateUDP: Int32 = 1 << 4
    private static let encapsulateEthernet: Int32 = 1 << 6
    private static let uncoverIPv4: Int32 = 1 << 7
    private static let uncoverIPv6: Int32 = 1 << 8
    /// The inner Ethernet header's length stands from here on in the flags; the mark has half of it.
    private static let linkShift: Int32 = 56 + 1

    /// The first byte after an untagged Ethernet header, and the first of a tag.
    private static let linkEnd: Int32 = 14
    private static let tagPlace: Int32 = 12
    /// On the stack: the tag as it stands in the frame, and before it the outer headers.
    private static let tag: Int16 = -16
    private static let headers: Int16 = tag - headerRoom
    private static let headerRoom: Int16 = 256

    /// Writes the part of an egress program that does so: `r1` holds the context and `r6` the frame's mark. It goes on at `others` if
    /// the mark isn't a tunnel's (`KernelTunnel.description` below `SendMark.tunnelPrefix`) or the kernel can't be told, else with the
    /// next instruction. Of the registers only `r9` is kept.
    static func write(to program: inout Assembler, others: Assembler.Label) {
        let (context, word, length): (Register, Register, Register) = (.r7, .r6, .r8)
        program.move(context, .register(.r1))
        program.move(.r2, .register(word))
        program.apply(.shiftRight, to: .r2, 16, .word)
        program.jump(if: .r2, .notEqual, .constant(Int32(SendMark.tunnelPrefix)), to: others)
        program.move(length, .register(word))
        program.apply(.and, to: length, 0x7f)
        program.apply(.shiftLeft, to: length, 1)
        program.jump(if: length, .less, 20, to: others)

        program.when(word, KernelTunnel.tagBit) { program in
            program.touchBytes(loadBytes, context, at: tagPlace, stack: tag, 4, others)
            program.move(.r1, .register(context))
            program.call(popTag)
            program.jump(if: .r0, .notEqual, 0, to: others)
        }
        // The verifier wants to see written what a helper writes in part.
        for place in stride(from: headers, to: tag, by: 8) { program.store(.double, 0, to: .frame, place) }
        program.touchBytes(loadBytes, context, at: linkEnd, stack: headers, .register(length), others)

        program.move(.r2, .register(length))
        program.negate(.r2)
        program.move(.r4, .constant(fixedSegments | uncoverIPv4))
        program.when(word, KernelTunnel.innerIPv6Bit) { $0.move(.r4, .constant(fixedSegments | uncoverIPv6)) }
        program.adjust(context, others)

        program.move(.r2, .register(length))
        program.move(.r4, .constant(fixedSegments | encapsulateIPv4))
        program.when(word, KernelTunnel.outerIPv6Bit) { $0.move(.r4, .constant(fixedSegments | encapsulateIPv6)) }
        program.when(word, KernelTunnel.udpBit) { $0.apply(.or, to: .r4, .constant(encapsulateUDP)) }
        program.when(word, KernelTunnel.greBit) { $0.apply(.or, to: .r4, .constant(encapsulateGRE)) }
        program.when(word, 0xf << KernelTunnel.linkShift) { program in
            program.move(.r5, .register(word))
            program.apply(.shiftRight, to: .r5, .constant(Int32(KernelTunnel.linkShift)))
            program.apply(.and, to: .r5, 0xf)
            program.apply(.shiftLeft, to: .r5, .constant(linkShift))
            program.apply(.or, to: .r4, .register(.r5))
            program.apply(.or, to: .r4, .constant(encapsulateEthernet))
        }
        program.adjust(context, others)

        program.move(.r5, 0)
        program.touchBytes(storeBytes, context, at: linkEnd, stack: headers, .register(length), others)
        program.when(word, KernelTunnel.tagBit) { program in
            program.move(.r1, .register(context))
            program.load(.half, .r2, from: .frame, tag)
            program.load(.half, .r3, from: .frame, tag + 2)
            program.convertBigEndian(.r3, bits: 16)
            program.call(pushTag)
            program.jump(if: .r0, .notEqual, 0, to: others)
        }
    }

    fileprivate static func adjust(_ program: inout Assembler, _ context: Register, _ others: Assembler.Label) {
        program.move(.r1, .register(context))
        program.move(.r3, .constant(macMode))
        program.call(adjustRoom)
        program.jump(if: .r0, .notEqual, 0, to: others)
    }
}

extension Assembler {
    /// Writes what is done only if one of `bits` is set in the register.
    fileprivate mutating func when(_ register: Register, _ bits: UInt32, _ body: (inout Assembler) -> Void) {
        let (isSet, end) = (makeLabel(), makeLabel())
        jump(if: register, .anyBit, .constant(Int32(bitPattern: bits)), to: isSet)
        jump(to: end)
        place(isSet)
        body(&self)
        place(end)
    }

    /// Moves bytes between the frame and the stack; `r5` holds flags where the helper has any.
    fileprivate mutating func touchBytes(
        _ helper: Int32, _ context: Register, at offset: Int32, stack: Int16, _ count: Operand, _ failed: Label
    ) {
        move(.r1, .register(context))
        move(.r2, .constant(offset))
        move(.r3, .register(.frame))
        apply(.add, to: .r3, .constant(Int32(stack)))
        move(.r4, count)
        call(helper)
        jump(if: .r0, .notEqual, 0, to: failed)
    }

    /// `bpf_skb_adjust_room`: `r2` is by how much, `r4` the flags.
    fileprivate mutating func adjust(_ context: Register, _ failed: Label) {
        TunnelProgram.adjust(&self, context, failed)
    }
}
