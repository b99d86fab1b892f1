public import Wire

/// A frame under construction, from the outside in: `Frame.ethernet().vlan(5).ipv4("10.0.0.1", "10.0.0.2").udp(1024, 53).payload(8)`.
///
/// Types, protocol numbers, lengths and the IPv4 header's checksum come from what follows, unless a wrong one is asked for.
///
/// Tables of packets are written in the words of `weir help packets` (`described`). This is for what is put together from numbers, for
/// rooms below the one that has those words, and for holding the words to something else.
public struct Frame: Sendable {
    struct Layer: Sendable {
        var etherType: UInt16 = 0
        var ipProtocol: UInt8 = 0
        /// The layer's bytes in front of what is behind it.
        var encode: @Sendable (_ behind: [UInt8], _ next: Layer?) -> [UInt8]
    }

    private var layers: [Layer] = []
    private var shortest = 0
    private var longest = Int.max
    private var patches: [(offset: Int, bytes: [UInt8])] = []

    func adding(_ layer: Layer) -> Frame {
        var frame = self
        frame.layers.append(layer)
        return frame
    }

    /// The whole frame, its tags in the bytes.
    public var bytes: [UInt8] {
        var behind: [UInt8] = []
        var next: Layer?
        for layer in layers.reversed() {
            behind = layer.encode(behind, next)
            next = layer
        }
        behind += repeatElement(0, count: max(0, shortest - behind.count))
        for patch in patches {
            behind.replaceSubrange(patch.offset..<patch.offset + patch.bytes.count, with: patch.bytes)
        }
        return Array(behind.prefix(longest))
    }

    /// The frame as a packet socket gives it: without its outermost tag, and the tag. Nil if there is none to take out.
    public var outOfBand: (bytes: [UInt8], tag: VLANTag)? { takeOutTag(of: bytes) }

    /// With zero bytes behind it, up to that length.
    public func padded(to length: Int) -> Frame {
        var frame = self
        frame.shortest = length
        return frame
    }

    /// Without what is behind that length.
    public func cut(to length: Int) -> Frame {
        var frame = self
        frame.longest = length
        return frame
    }

    /// With other bytes in place of those that were built.
    public func patched(_ offset: Int, _ bytes: [UInt8]) -> Frame {
        var frame = self
        frame.patches.append((offset, bytes))
        return frame
    }
}

/// A frame's bytes without its outermost tag, and the tag; nil if there is no whole tag in them.
public func takeOutTag(of bytes: [UInt8]) -> (bytes: [UInt8], tag: VLANTag)? {
    guard bytes.count >= 18 else { return nil }
    let tpid = UInt16(bytes[12]) << 8 | UInt16(bytes[13])
    guard tpid == 0x8100 || tpid == 0x88a8 else { return nil }
    let tag = VLANTag(tpid: tpid, tci: UInt16(bytes[14]) << 8 | UInt16(bytes[15]))
    return (Array(bytes[..<12] + bytes[16...]), tag)
}

extension Frame {
    public static let near = macAddress("02:00:00:00:00:01")
    public static let far = macAddress("02:00:00:00:00:02")

    /// - Parameter type: In place of what follows' own; below 0x600 it is a length.
    public static func ethernet(to destination: UInt64 = far, from source: UInt64 = near, type: UInt16? = nil) -> Frame {
        Frame().adding(
            Layer { behind, next in
                let addresses = destination.networkBytes.suffix(6) + source.networkBytes.suffix(6)
                return addresses + (type ?? next?.etherType ?? 0x88b5).networkBytes + behind
            })
    }

    public func vlan(_ identifier: UInt16, priority: UInt16 = 0, tpid: UInt16 = 0x8100, type: UInt16? = nil) -> Frame {
        adding(
            Layer(etherType: tpid) { behind, next in
                (priority << 13 | identifier).networkBytes + (type ?? next?.etherType ?? 0x88b5).networkBytes + behind
            })
    }

    /// An LLC header (IEEE 802.2) behind a length; `length` goes to the EtherType's place in front of it.
    public func llc(_ header: [UInt8] = [0x42, 0x42, 0x03], length: UInt16 = 38) -> Frame {
        adding(Layer(etherType: length) { behind, _ in header + behind })
    }

    public func arp(operation: UInt16 = 1, sender: String = "10.0.0.1", target: String = "10.0.0.2") -> Frame {
        adding(
            Layer(etherType: 0x0806) { behind, _ in
                let kinds: [UInt8] = [0, 1, 8, 0, 6, 4]
                let senderPart = Frame.near.networkBytes.suffix(6) + ipv4Address(sender).networkBytes.suffix(4)
                return kinds + operation.networkBytes + senderPart + [0, 0, 0, 0, 0, 0] + ipv4Address(target).networkBytes.suffix(4)
                    + behind
            })
    }

    /// Bytes of no known kind.
    public func payload(_ bytes: [UInt8]) -> Frame {
        adding(Layer(etherType: 0x88b5, ipProtocol: 253) { behind, _ in bytes + behind })
    }

    /// Counting up from 0.
    public func payload(_ count: Int) -> Frame {
        payload((0..<count).map { UInt8(truncatingIfNeeded: $0) })
    }
}
