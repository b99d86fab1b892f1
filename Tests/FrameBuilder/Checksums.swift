extension Frame {
    /// With the checksum of TCP or UDP as it has to be.
    public var finished: Frame { Frame.whole(bytes.finished()) }

    /// With the checksum of TCP or UDP left to hardware: the sum of the pseudo header alone.
    public var partial: Frame { Frame.whole(bytes.finished(isPartial: true)) }

    /// These bytes and nothing else.
    public static func whole(_ bytes: [UInt8]) -> Frame { Frame().adding(Layer { _, _ in bytes }) }
}

extension [UInt8] {
    /// An untagged frame's IPv4 header checksum and, right behind the IP header, that of TCP or UDP made from scratch.
    public func finished(isPartial: Bool = false) -> [UInt8] {
        var frame = self
        let isIPv6 = frame[12] == 0x86
        let start = isIPv6 ? 54 : 14 + Int(frame[14] % 16) * 4
        let number = frame[isIPv6 ? 20 : 23]
        let addresses = isIPv6 ? frame[22..<54] : frame[26..<34]
        let end = isIPv6 ? 54 + Int(frame[18]) * 256 + Int(frame[19]) : 14 + Int(frame[16]) * 256 + Int(frame[17])
        if !isIPv6 {
            frame.replaceSubrange(24..<26, with: [0, 0])
            frame.replaceSubrange(24..<26, with: plainChecksum([UInt8](frame[14..<start])).networkBytes)
        }
        let place = start + (number == 6 ? 16 : 6)
        let pseudo = [UInt8](addresses) + [0, number] + UInt16(end - start).networkBytes
        frame.replaceSubrange(place..<place + 2, with: [0, 0])
        var sum = isPartial ? ~plainChecksum(pseudo) : plainChecksum(pseudo + frame[start..<end])
        if sum == 0 { sum = 0xffff }
        frame.replaceSubrange(place..<place + 2, with: sum.networkBytes)
        return frame
    }
}
