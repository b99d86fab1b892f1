extension ParsedFrame {
    /// Goes over the frame's tags, from the outside in.
    /// - Parameter bytes: What it was parsed from.
    package func forEachTag(_ bytes: RawSpan, _ body: (VLANTag) -> Void) {
        if isTagOutOfBand, let outermostTag { body(outermostTag) }
        // Tags in the bytes stand between the MAC addresses and the packet's own EtherType.
        var offset = Ethernet.type
        while offset &+ VLANTag.length &+ 2 <= networkOffset {
            body(VLANTag(tpid: bytes.be16(at: offset), tci: bytes.be16(at: offset &+ 2)))
            offset &+= VLANTag.length
        }
    }
}
