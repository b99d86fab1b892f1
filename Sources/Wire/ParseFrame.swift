extension ParsedFrame {
    /// Offsets in an Ethernet frame.
    ///
    ///     +-------------------+-------------------+-----------+---------------
    ///     |  destination (6)  |    source (6)     | type (2)  |  payload …
    ///     +-------------------+-------------------+-----------+---------------
    ///
    /// A tag stands between the source and the type, and begins with a type of its own.
    package enum Ethernet {
        package static let destination = 0
        package static let source = 6
        package static let type = 12
        package static let headerLength = 14
    }

    /// Parses the frame in `bytes`: Ethernet, any number of tags, and IP up to the transport header's ports.
    ///
    /// Every input gives a result, of any length and content.
    /// - Parameters:
    ///   - bytes: The frame from its destination address on, without the frame check sequence.
    ///   - tag: The outermost tag if it is not in `bytes`: a packet socket gives it apart.
    ///   - zeroLength: What a length of 0 in the IP header means.
    public static func parse(_ bytes: RawSpan, tag: VLANTag?, zeroLength: ZeroLength = .literal) -> ParsedFrame {
        let tagLength = tag == nil ? 0 : VLANTag.length
        var frame = ParsedFrame(byteCount: bytes.byteCount, length: bytes.byteCount &+ tagLength, zeroLength: zeroLength)
        frame.readLink(bytes, tag: tag)
        guard frame.malformation == nil else { return frame }
        frame.readNetwork(bytes)
        return frame
    }

    private mutating func readNetwork(_ bytes: RawSpan) {
        switch etherType {
        case EtherType.ipv4: malformation = readIPv4(bytes)
        case EtherType.ipv6: malformation = readIPv6(bytes)
        case EtherType.arp: network = .arp
        default: break
        }
    }

    /// The network layer and what is above it read once more, after bytes of the frame were changed in place. The link layer stays as
    /// it was: the number that Linux knows the frame by (`skb->protocol`) too, whatever stands in the type's place by now.
    /// - Parameter bytes: As many as were parsed.
    public func readAgain(_ bytes: RawSpan) -> ParsedFrame {
        guard bytes.byteCount == byteCount, networkOffset >= Ethernet.headerLength else { return self }
        var frame = ParsedFrame(byteCount: byteCount, length: length, zeroLength: zeroLength)
        frame.destinationAddress = destinationAddress
        frame.tagCount = tagCount
        frame.isTagOutOfBand = isTagOutOfBand
        frame.outermostTag = outermostTag
        frame.vlanCount = vlanCount
        frame.ruleTag = ruleTag
        frame.ruleTagOffset = ruleTagOffset
        frame.linkPayloadOffset = linkPayloadOffset
        frame.outerEtherType = outerEtherType
        frame.networkOffset = networkOffset
        frame.networkLength = byteCount &- networkOffset
        frame.etherType = Self.protocolNumber(ofType: bytes.be16(at: networkOffset &- 2), endingAt: networkOffset, in: bytes)
        frame.readNetwork(bytes)
        return frame
    }

    /// Leaves the network layer at the first byte after all tags, with the rest of the frame for its length.
    private mutating func readLink(_ bytes: RawSpan, tag: VLANTag?) {
        if let tag {
            tagCount = 1
            outermostTag = tag
            isTagOutOfBand = true
            ruleTag = tag
            vlanCount = tag.namesVLAN ? 1 : 0
        }
        guard byteCount >= Ethernet.headerLength else {
            malformation = .ethernetHeaderCutOff
            linkPayloadOffset = byteCount
            return
        }

        destinationAddress = bytes.be48(at: Ethernet.destination)
        var end = Ethernet.headerLength
        var type = bytes.be16(at: Ethernet.type)
        var seenType = type
        // A tag that is cut off is none: the frame then goes by the number that announced it.
        while EtherType.isTag(type), byteCount &- end >= VLANTag.length {
            let tag = VLANTag(tpid: type, tci: bytes.be16(at: end))
            tagCount &+= 1
            if outermostTag == nil { outermostTag = tag }
            if ruleTag == nil || vlanCount == 0 && tag.namesVLAN {
                ruleTag = tag
                ruleTagOffset = end &- 2
            }
            if tag.namesVLAN { vlanCount &+= 1 }
            type = bytes.be16(at: end &+ 2)
            end &+= VLANTag.length
            // Rules look past the first tag that names a VLAN, and through all that name none.
            if vlanCount <= 1 {
                linkPayloadOffset = end
                seenType = type
            }
        }
        etherType = Self.protocolNumber(ofType: type, endingAt: end, in: bytes)
        outerEtherType = Self.protocolNumber(ofType: seenType, endingAt: linkPayloadOffset, in: bytes)
        networkOffset = end
        networkLength = byteCount &- end
    }

    /// What Linux calls a frame by: the EtherType, or one of two numbers of its own for a length (`eth_type_trans`,
    /// `vlan_set_encap_proto`).
    private static func protocolNumber(ofType type: UInt16, endingAt end: Int, in bytes: RawSpan) -> UInt16 {
        if type >= EtherType.smallest { return type }
        let isRawIPX = bytes.byteCount &- end >= 2 && bytes.be16(at: end) == 0xffff
        return isRawIPX ? EtherType.ieee8023 : EtherType.ieee8022
    }

    /// Sets the transport layer to what lies between `offset` and the packet's end.
    mutating func readTransport(_ bytes: RawSpan, protocol number: UInt8, at offset: Int) {
        transportProtocol = number
        hasTransport = true
        transportOffset = offset
        transportLength = networkEnd &- offset
        guard IPProtocol.hasPorts(number), transportLength >= 4 else { return }
        hasPorts = true
        sourcePort = bytes.be16(at: offset)
        destinationPort = bytes.be16(at: offset &+ 2)
    }
}
