import Ruleset
import Wire

/// What is done with a frame when it is composed: cut up, padded, cut off.
extension PacketParser {
    private static let mostFragments: UInt32 = 8192
    /// Bytes of all frames of a line.
    private static let mostBytes = 16 << 20

    mutating func finished(_ whole: [[UInt8]]) throws(Diagnostic) -> [[UInt8]] {
        var frames = whole
        while let word = option(of: Self.frameOptions) {
            let token = tokens[index - 1]
            switch word {
            case "pad":
                let length: UInt32 = try number("the length with padding, in bytes", upTo: UInt32(Self.longestFrame))
                try expectRoom(for: frames.count, of: Int(length), at: token)
                frames = frames.map { $0 + Array(repeating: 0, count: max(0, Int(length) - $0.count)) }
            case "cut":
                let length: UInt32 = try number("the bytes that are left", upTo: UInt32(Self.longestFrame))
                frames = frames.map { Array($0.prefix(Int(length))) }
            case "fragment":
                let number: UInt32 = try number("the fragment's number", upTo: Self.mostFragments)
                guard skip("of") else { throw unexpected("'of' and the number of fragments", note: "as in fragment 1 of 3") }
                frames = try split(frames, at: token)
                guard number >= 1, number <= frames.count else {
                    throw fail(token, "there is no fragment \(number)", note: "the datagram has \(frames.count)")
                }
                frames = [frames[Int(number) - 1]]
            default:
                frames = try split(frames, at: token)
                if skip("order") { frames = try ordered(frames) }
            }
        }
        return frames
    }

    /// `3`, or `of 1480` for as many as it takes with that many bytes each; `id 7` is an IPv6 datagram's identification.
    private mutating func split(_ frames: [[UInt8]], at token: PacketToken) throws(Diagnostic) -> [[UInt8]] {
        guard frames.count == 1, let datagram = FragmentableDatagram(frames[0]) else {
            throw fail(token, "only a whole IP packet can be fragmented")
        }
        let size: Int
        if token.text == "fragments", skip("of") {
            let bytes: UInt32 = try number("the bytes of each fragment", upTo: 65_528)
            guard bytes >= 8 else { throw fail(token, "a fragment has at least 8 bytes") }
            size = Int(bytes) / 8 * 8
        } else {
            let count: UInt32 = try number("the number of fragments", upTo: Self.mostFragments)
            guard let even = datagram.size(for: Int(count)) else {
                throw fail(
                    token, "\(datagram.payload.count) bytes can't be cut into \(count) fragments",
                    note: "each but the last has a multiple of 8 bytes; give the packet a larger payload")
            }
            size = even
        }
        let identification: UInt32 = skip("id") ? try number("the identification") : 1
        try expectRoom(for: datagram.payload.count / size + 1, of: datagram.headLength + size, at: token)
        return datagram.fragments(of: size, identification: identification)
    }

    private func expectRoom(for frames: Int, of bytes: Int, at token: PacketToken) throws(Diagnostic) {
        guard frames * bytes <= Self.mostBytes else {
            throw fail(
                token, "the frames have more than \(Self.mostBytes >> 20) MiB in all",
                note: "describe only the fragments that you need, one by one")
        }
    }

    private mutating func ordered(_ frames: [[UInt8]]) throws(Diagnostic) -> [[UInt8]] {
        var ordered: [[UInt8]] = []
        repeat {
            let token = current
            let number: UInt32 = try number("a fragment's number", upTo: Self.mostFragments)
            guard number >= 1, number <= frames.count else {
                throw fail(token, "there is no fragment \(number)", note: "the datagram has \(frames.count)")
            }
            ordered.append(frames[Int(number) - 1])
            guard ordered.count <= Int(Self.mostFragments) else { throw fail(token, "more than \(Self.mostFragments) fragments") }
        } while skip(.comma)
        return ordered
    }
}

/// A frame with a whole IP packet, as a host or router cuts it up (RFC 791 3.2, RFC 8200 4.5).
struct FragmentableDatagram {
    /// Up to the IP header's end, or to that of the extension headers that each fragment has.
    private let head: [UInt8]
    let payload: [UInt8]
    /// Bytes before each fragment's part of the payload.
    var headLength: Int { head.count + (isIPv6 ? ParsedFrame.IPv6.fragmentHeaderLength : 0) }
    private let isIPv6: Bool
    private let networkOffset: Int
    /// Where the number of what follows the head stands.
    private let nextHeader: Int

    init?(_ frame: [UInt8]) {
        let parsed = ParsedFrame.parse(frame.span.bytes, tag: nil)
        guard parsed.malformation == nil, !parsed.isFragment, parsed.network == .ipv4 || parsed.network == .ipv6,
            parsed.networkOffset < parsed.networkEnd, parsed.networkEnd <= frame.count
        else { return nil }
        networkOffset = parsed.networkOffset
        isIPv6 = parsed.network == .ipv6
        let packet = Array(frame[networkOffset..<parsed.networkEnd])
        var end: Int
        var place = 6
        if isIPv6 {
            end = 40
            // Each fragment has a copy of the headers that routers look at.
            var number = packet[6]
            while end + 8 <= packet.count, number == 0 || number == 43 || (number == 60 && packet[end] == 43) {
                (place, number) = (end, packet[end])
                end += 8 + 8 * Int(packet[end + 1])
            }
        } else {
            end = Int(packet[0] % 16) * 4
        }
        guard end < packet.count else { return nil }
        head = Array(frame[..<(networkOffset + end)])
        payload = Array(packet[end...])
        nextHeader = networkOffset + place
    }

    /// Bytes of each fragment but the last, for that many of about the same length; nil where there are too few.
    func size(for count: Int) -> Int? {
        guard count >= 1 else { return nil }
        if count == 1 { return (payload.count + 7) / 8 * 8 }
        let size = (payload.count / count + 7) / 8 * 8
        for size in [size, size - 8] where size >= 8 && (payload.count + size - 1) / size == count { return size }
        return nil
    }

    func fragments(of size: Int, identification: UInt32) -> [[UInt8]] {
        stride(from: 0, to: payload.count, by: max(8, size)).map { offset in
            let part = payload[offset..<min(offset + size, payload.count)]
            let isLast = offset + part.count == payload.count
            var frame = head
            if isIPv6 {
                let number = frame[nextHeader]
                frame[nextHeader] = IPProtocol.fragment
                frame += [number, 0] + (UInt16(truncatingIfNeeded: offset) | (isLast ? 0 : 1)).octets + identification.octets
                frame += part
                let length = UInt16(truncatingIfNeeded: frame.count - networkOffset - 40)
                frame.replaceSubrange(networkOffset + 4..<networkOffset + 6, with: length.octets)
                return frame
            }
            let header = networkOffset..<frame.count
            // The reserved flag and DF stay: hosts send fragments with DF too.
            let flags = UInt16(frame[networkOffset + 6] & 0xc0) << 8 | UInt16(truncatingIfNeeded: offset / 8) | (isLast ? 0 : 0x2000)
            frame.replaceSubrange(networkOffset + 2..<networkOffset + 4, with: UInt16(truncatingIfNeeded: header.count + part.count).octets)
            frame.replaceSubrange(networkOffset + 6..<networkOffset + 8, with: flags.octets)
            frame.replaceSubrange(networkOffset + 10..<networkOffset + 12, with: [0, 0])
            frame.replaceSubrange(networkOffset + 10..<networkOffset + 12, with: Sums.internet(Array(frame[header])).octets)
            return frame + part
        }
    }
}
