extension Frame {
    /// An IPv4 header and, where asked for, what is wrong with it.
    /// - Parameters:
    ///   - options: A multiple of 4 bytes.
    ///   - fragmentOffset: In bytes.
    ///   - protocolNumber: In place of what follows' own.
    ///   - totalLength: In place of the true one.
    ///   - headerWords: In place of the true IHL.
    public func ipv4(
        _ source: String = "10.0.0.1", _ destination: String = "10.0.0.2", tos: UInt8 = 0, identification: UInt16 = 0x1234,
        doNotFragment: Bool = false, more: Bool = false, fragmentOffset: Int = 0, options: [UInt8] = [],
        protocolNumber: UInt8? = nil, totalLength: UInt16? = nil, version: UInt8 = 4, headerWords: UInt8? = nil
    ) -> Frame {
        adding(
            Layer(etherType: 0x0800, ipProtocol: 4) { behind, next in
                let words = headerWords ?? UInt8(5 + options.count / 4)
                let length = totalLength ?? UInt16(20 + options.count + behind.count)
                let flags: UInt16 = (doNotFragment ? 0x4000 : 0) | (more ? 0x2000 : 0) | UInt16(fragmentOffset / 8)
                var header = [version << 4 | words, tos] + length.networkBytes + identification.networkBytes + flags.networkBytes
                header += [64, protocolNumber ?? next?.ipProtocol ?? 253, 0, 0]
                header += ipv4Address(source).networkBytes.suffix(4) + ipv4Address(destination).networkBytes.suffix(4) + options
                header.replaceSubrange(10..<12, with: plainChecksum(header).networkBytes)
                return header + behind
            })
    }

    /// An IPv6 header and, where asked for, what is wrong with it.
    /// - Parameters:
    ///   - nextHeader: In place of what follows' own.
    ///   - payloadLength: In place of the true one.
    public func ipv6(
        _ source: String = "2001:db8::1", _ destination: String = "2001:db8::2", trafficClass: UInt8 = 0, nextHeader: UInt8? = nil,
        payloadLength: UInt16? = nil, version: UInt8 = 6
    ) -> Frame {
        adding(
            Layer(etherType: 0x86dd, ipProtocol: 41) { behind, next in
                let first = UInt32(version) << 28 | UInt32(trafficClass) << 20
                let length = payloadLength ?? UInt16(behind.count)
                var header = first.networkBytes + length.networkBytes + [nextHeader ?? next?.ipProtocol ?? 59, 64]
                header += ipv6Address(source).networkBytes + ipv6Address(destination).networkBytes
                return header + behind
            })
    }

    /// An extension header of 8 bytes' units, filled with a PadN option.
    /// - Parameters:
    ///   - number: 0 hop-by-hop options, 43 routing, 60 destination options.
    ///   - units: Of 8 bytes, the first counted.
    ///   - lengthField: In place of the true one.
    public func extensionHeader(_ number: UInt8, units: Int = 1, lengthField: UInt8? = nil, nextHeader: UInt8? = nil) -> Frame {
        adding(
            Layer(ipProtocol: number) { behind, next in
                let start: [UInt8] = [nextHeader ?? next?.ipProtocol ?? 59, lengthField ?? UInt8(units - 1), 1, UInt8(units * 8 - 4)]
                return start + [UInt8](repeating: 0, count: units * 8 - 4) + behind
            })
    }

    /// An extension header with those bytes behind its next header and its length.
    public func extensionHeader(_ number: UInt8, bytes: [UInt8]) -> Frame {
        adding(
            Layer(ipProtocol: number) { behind, next in
                [next?.ipProtocol ?? 59, UInt8((bytes.count + 2) / 8 - 1)] + bytes + behind
            })
    }

    /// - Parameter offset: In bytes.
    public func fragmentHeader(offset: Int, more: Bool, identification: UInt32 = 0xfeed_beef, nextHeader: UInt8? = nil) -> Frame {
        adding(
            Layer(ipProtocol: 44) { behind, next in
                let offsetAndMore = UInt16(offset) | (more ? 1 : 0)
                let start: [UInt8] = [nextHeader ?? next?.ipProtocol ?? 59, 0]
                return start + offsetAndMore.networkBytes + identification.networkBytes + behind
            })
    }

    /// An authentication header of 24 bytes (RFC 4302).
    public func authenticationHeader(nextHeader: UInt8? = nil) -> Frame {
        adding(
            Layer(ipProtocol: 51) { behind, next in
                let start: [UInt8] = [nextHeader ?? next?.ipProtocol ?? 59, 4, 0, 0]
                return start + [UInt8](repeating: 0xaa, count: 20) + behind
            })
    }

    /// - Parameter options: A multiple of 4 bytes, 40 at the most.
    public func tcp(_ source: UInt16, _ destination: UInt16, flags: UInt8 = 0x02, options: [UInt8] = []) -> Frame {
        adding(
            Layer(ipProtocol: 6) { behind, _ in
                let dataOffset = UInt8(truncatingIfNeeded: 5 + options.count / 4) << 4
                let rest: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 0, dataOffset, flags, 0xff, 0xff, 0, 0, 0, 0] + options
                return source.networkBytes + destination.networkBytes + rest + behind
            })
    }

    public func udp(_ source: UInt16, _ destination: UInt16) -> Frame {
        adding(
            Layer(ipProtocol: 17) { behind, _ in
                source.networkBytes + destination.networkBytes + UInt16(8 + behind.count).networkBytes + [0, 0] + behind
            })
    }

    /// A header of 12 bytes that begins with two ports: SCTP (132), DCCP (33), UDP-Lite (136).
    public func ports(_ source: UInt16, _ destination: UInt16, of number: UInt8) -> Frame {
        adding(
            Layer(ipProtocol: number) { behind, _ in
                source.networkBytes + destination.networkBytes + [0, 0, 0, 0, 0, 0, 0, 0] + behind
            })
    }

    public func icmp(_ type: UInt8, code: UInt8 = 0) -> Frame {
        adding(Layer(ipProtocol: 1) { behind, _ in [type, code, 0, 0, 0, 1, 0, 1] + behind })
    }

    public func icmpv6(_ type: UInt8, code: UInt8 = 0) -> Frame {
        adding(Layer(ipProtocol: 58) { behind, _ in [type, code, 0, 0, 0, 1, 0, 1] + behind })
    }

    /// Bytes under a protocol number of their own.
    public func ipPayload(_ number: UInt8, _ bytes: [UInt8]) -> Frame {
        adding(Layer(ipProtocol: number) { behind, _ in bytes + behind })
    }
}
