package import Ruleset

/// A packet of a region, in the words of `weir help packets`.
package struct ExamplePacket: Sendable {
    /// With the port by which it comes.
    package var text: String
    /// The state of its connection that the region asks for; nil for any.
    package var connectionState: UInt32?
    /// What `ct` reads of the connection, by selector, where the region asks for it.
    package var connection: [Field: UInt128]
    /// Nanoseconds since 1970, where the region asks for a time.
    package var time: UInt64?
    /// What no words are for, or what depends on the frames before.
    package var missing: [Variable]
    /// Index of the port by which it comes.
    package var ingress: Int

    package init(
        text: String, connectionState: UInt32?, connection: [Field: UInt128], time: UInt64?, missing: [Variable], ingress: Int
    ) {
        self.text = text
        self.connectionState = connectionState
        self.connection = connection
        self.time = time
        self.missing = missing
        self.ingress = ingress
    }
}

/// Describes packets of regions.
package struct ExampleWriter {
    private let ports: [String]

    package init(ports: [String]) { self.ports = ports }

    /// Packets to try, the plainest first.
    package func examples(of region: Region) -> [ExamplePacket] {
        region.networks.flatMap { network -> [ExamplePacket] in
            guard network == .ipv4 || network == .ipv6 else { return [Attempt.packet(of: region, network, transport: nil, ports)] }
            let usual: [UInt128] = network == .ipv4 ? [6, 17, 1] : [6, 17, 58]
            let chosen = usual.filter(region.transports.contains) + [region.transports.lowest].compactMap { $0 }
            return chosen.prefix(2).map { Attempt.packet(of: region, network, transport: $0, ports) }
        }
    }

    /// One packet as it is put together.
    private struct Attempt {
        private let region: Region
        private let network: FrameKind.Network
        private let transport: UInt128?
        private var used: Set<Variable> = []

        static func packet(
            of region: Region, _ network: FrameKind.Network, transport: UInt128?, _ ports: [String]
        ) -> ExamplePacket {
            var attempt = Attempt(region, network, transport: transport)
            return attempt.packet(ports)
        }

        private init(_ region: Region, _ network: FrameKind.Network, transport: UInt128?) {
            (self.region, self.network, self.transport) = (region, network, transport)
        }

        /// A number that the region allows: the usual one, or the lowest.
        private mutating func number(_ variable: Variable, _ usual: UInt128) -> UInt128 {
            used.insert(variable)
            if let set = region.limits[variable] { return set.contains(usual) ? usual : set.lowest ?? usual }
            guard case .bits(let part, let from, let count) = variable else { return usual }
            return number(part, from, count, usual)
        }

        /// The number of a field of which the region asks for some bits.
        private mutating func number(_ part: Variable.Part, _ from: Int, _ count: Int, _ usual: UInt128) -> UInt128 {
            var number = usual
            for (variable, set) in region.limits {
                guard case .bits(part, let first, let bits) = variable, first >= from, first + bits <= from + count else { continue }
                used.insert(variable)
                let shift = UInt128(from + count - first - bits)
                let ones = ValueSet.ones(bits)
                guard !set.contains(usual >> shift & ones), let lowest = set.lowest else { continue }
                number = number & ~(ones << shift) | lowest << shift
            }
            return number
        }

        /// The first octets of a part with what the region asks of them, in hexadecimal.
        private mutating func octets(_ part: Variable.Part, _ count: Int) -> String {
            (0..<count).map { index in
                let octet = self.octet(part, index)
                return (octet < 16 ? "0" : "") + String(octet, radix: 16)
            }.joined()
        }

        private mutating func octet(_ part: Variable.Part, _ index: Int) -> UInt128 {
            var octet: UInt128 = 0
            for (variable, set) in region.limits {
                guard case .bits(part, let first, let bits) = variable, let number = set.lowest else { continue }
                used.insert(variable)
                for bit in max(first, index * 8)..<max(first, index * 8, min(first + bits, index * 8 + 8)) {
                    octet |= (number >> UInt128(first + bits - 1 - bit) & 1) << UInt128(7 - bit % 8)
                }
            }
            return octet
        }

        /// The number, if the region doesn't allow the usual one.
        private mutating func option(_ word: String, _ part: Variable.Part, _ from: Int, _ count: Int, usual: UInt128) -> String {
            let number = number(.bits(part, from: from, count: count), usual)
            return number == usual ? "" : " \(word) \(number)"
        }

        /// An address, in words for messages.
        private func address(_ number: UInt128, _ field: Field) -> String {
            MatchKey(MatchKey.Component(field)).described([.number(number)])
        }

        private mutating func packet(_ ports: [String]) -> ExamplePacket {
            let ingress = Int(number(.ingress, 0))
            let start = link(ingress)
            var text = "\(ports[ingress]): " + start
            switch network {
            case .ipv4, .ipv6: text += ip()
            case .other: text += other(isFirst: start.isEmpty)
            case .length: text += "payload 46"
            }
            var packet = ExamplePacket(text: text, connectionState: nil, connection: [:], time: nil, missing: [], ingress: ingress)
            note(&packet)
            packet.missing = region.limits.keys.filter { !used.contains($0) }.sorted { $0.rank < $1.rank }
            return packet
        }

        // MARK: Link

        private mutating func link(_ ingress: Int) -> String {
            var text = ""
            let (near, far): (UInt128, UInt128) = ingress == 0 ? (0x0200_0000_0001, 0x0200_0000_0002) : (0x0200_0000_0002, 0x0200_0000_0001)
            var to = far
            switch number(.destinationKind, 0) {
            case 1: to = 0xffff_ffff_ffff
            case 2: to = 0x0100_5e00_0001
            default: break
            }
            let destination = number(.bits(.link, from: 0, count: 48), to)
            let source = number(.bits(.link, from: 48, count: 48), near)
            if destination != far || source != near {
                text += "ether \(address(source, .etherSaddr)) > \(address(destination, .etherDaddr)) "
            }
            let tag = number(.tag, 0)
            let identifier = number(.bits(.tag, from: 4, count: 12), tag == 0 ? 0 : 5)
            let priority = number(.bits(.tag, from: 0, count: 3), 0)
            let isEligible = number(.bits(.tag, from: 3, count: 1), 0) == 1
            guard tag > 0 else {
                guard network == .length else { return text }
                return text + (text.isEmpty ? "ether llc " : "llc ")
            }
            text +=
                "vlan \(identifier)\(priority > 0 ? " pcp \(priority)" : "")\(isEligible ? " dei" : "")\(tag == 2 ? " tpid 8021ad" : "") "
            return text
        }

        private mutating func other(isFirst: Bool) -> String {
            let type = number(.type, 0x88b5)
            let length = number(.networkLength, 46)
            guard type == 0x0806, length >= 28 else {
                let word = isFirst ? "ether type" : "type"
                let payload = length > 0 ? " payload 0x\(octets(.network, Int(min(length, 1_500))))" : ""
                return "\(word) 0x\(String(type, radix: 16))\(payload)"
            }
            func bits(_ from: Int, _ count: Int) -> Variable { .bits(.network, from: from, count: count) }
            let operation = number(bits(48, 16), 1)
            let sender = number(bits(112, 32), 0x0a00_0001)
            let target = number(bits(192, 32), 0x0a00_0002)
            return "arp \(operation) \(address(sender, .arpSaddrIp)) > \(address(target, .arpDaddrIp))"
        }

        // MARK: IP

        private mutating func ip() -> String {
            let isIPv4 = network == .ipv4
            used.insert(.networkLength)
            func bits(_ from: Int, _ count: Int) -> Variable { .bits(.network, from: from, count: count) }
            var text: String
            if isIPv4 {
                let source = number(bits(96, 32), 0x0a00_0001)
                let destination = number(bits(128, 32), 0x0a00_0002)
                text = "ip \(address(source, .ipSaddr)) > \(address(destination, .ipDaddr))"
                text += option("ttl", .network, 64, 8, usual: 64) + option("dscp", .network, 8, 6, usual: 0)
                text += option("ecn", .network, 14, 2, usual: 0) + option("id", .network, 32, 16, usual: 1)
                let flags = number(bits(48, 16), 0)
                text += (flags & 0x4000 != 0 ? " df" : "") + (flags & 0x8000 != 0 ? " evil" : "")
            } else {
                let source = number(bits(64, 128), 0x2001_0db8_0000_0000_0000_0000_0000_0001)
                let destination = number(bits(192, 128), 0x2001_0db8_0000_0000_0000_0000_0000_0002)
                text = "ip6 \(address(source, .ip6Saddr)) > \(address(destination, .ip6Daddr))"
                text += option("hoplimit", .network, 56, 8, usual: 64) + option("dscp", .network, 4, 6, usual: 0)
                text += option("ecn", .network, 10, 2, usual: 0) + option("flowlabel", .network, 12, 20, usual: 0)
                text += extensionHeaders()
            }
            return text + (transport.map { self.header($0) } ?? "")
        }

        /// What leads to the transport protocol where the first header is another.
        private mutating func extensionHeaders() -> String {
            let next = number(.bits(.network, from: 48, count: 8), transport ?? 59)
            switch next {
            case 0: return " hbh"
            case 43: return " rt"
            case 44: return " frag"
            case 60: return " dst"
            default: return ""
            }
        }

        private mutating func header(_ transport: UInt128) -> String {
            let length = region.limits[.transportLength]
            let needed: UInt128 = [6: 20, 17: 8, 1: 8, 58: 8, 132: 12, 136: 8, 33: 20, 2: 8][transport] ?? 0
            used.insert(.transportLength)
            if let length, !length.intervals.contains(where: { $0.high >= needed }) {
                return " \(network == .ipv4 ? "proto" : "nexthdr") \(transport)" + payload(length.lowest ?? 0)
            }
            var text = ports(of: transport)
            // With as much after it as the region asks for.
            let size = length?.lowest ?? 0
            if size > needed || needed == 0 && size > 0 { text += " payload \(size - needed)" }
            return text
        }

        private mutating func payload(_ length: UInt128) -> String {
            length == 0 ? "" : " payload 0x\(octets(.transport, Int(min(length, 1_500))))"
        }

        private mutating func ports(of transport: UInt128) -> String {
            func bits(_ from: Int, _ count: Int) -> Variable { .bits(.transport, from: from, count: count) }
            switch transport {
            case 6, 17, 132, 33, 136:
                let word: String = [6: "tcp", 17: "udp", 132: "sctp", 33: "dccp"][transport] ?? "udplite"
                var text = " \(word) \(number(bits(0, 16), 4000)) > \(number(bits(16, 16), transport == 6 ? 80 : 53))"
                if transport == 6 {
                    text += option("seq", .transport, 32, 32, usual: 1) + option("ack", .transport, 64, 32, usual: 0)
                    text += option("win", .transport, 112, 16, usual: 0xffff) + flags(number(bits(104, 8), 2))
                }
                return text
            case 1, 58:
                let isOld = transport == 1
                let type = number(bits(0, 8), isOld ? 8 : 128)
                var text = " \(isOld ? "icmp" : "icmpv6") \(type)" + option("code", .transport, 8, 8, usual: 0)
                if type == (isOld ? 8 : 128) || type == (isOld ? 0 : 129) {
                    text += option("id", .transport, 32, 16, usual: 1) + option("seq", .transport, 48, 16, usual: 1)
                }
                return text
            case 2: return " igmp \(number(bits(0, 8), 0x16))"
            default:
                return
                    " \(network == .ipv4 ? "proto" : "nexthdr") \(transport)\(region.limits[.transportLength] == nil ? " payload 20" : "")"
            }
        }

        private func flags(_ number: UInt128) -> String {
            if number == 2 { return " syn" }
            let names = ["fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"].enumerated().filter {
                number >> UInt128($0.offset) & 1 == 1
            }
            return names.isEmpty ? " none" : " " + names.map(\.element).joined(separator: ",")
        }

        // MARK: What is not in the packet

        private mutating func note(_ packet: inout ExamplePacket) {
            if let state = region.limits[.connectionState] {
                used.insert(.connectionState)
                packet.connectionState = UInt32(clamping: state.contains(8) ? 8 : state.lowest ?? 8)
            }
            var (second, day): (UInt128?, UInt128?)
            // A field of which masks ask for some bits is in several variables; the bits that none of them is about are 0.
            var fields: [Field: UInt128] = [:]
            for (variable, set) in region.limits {
                switch variable {
                case .presence where set.contains(0), .opaque where set.contains(1), .mark: used.insert(variable)
                case .field(let field, let from, let count):
                    guard let lowest = set.lowest, field.isTold else { continue }
                    fields[field, default: 0] |= lowest << UInt128(field.bitWidth - from - count)
                    used.insert(variable)
                default: break
                }
            }
            for (field, number) in fields {
                switch field {
                case .metaHour: second = number
                case .metaDay: day = number
                case .metaTime: packet.time = UInt64(clamping: number)
                default:
                    packet.connection[field] = number
                    // Only what belongs to a connection has it.
                    if packet.connectionState == nil { packet.connectionState = 8 }
                }
            }
            guard packet.time == nil, second != nil || day != nil else { return }
            // A Sunday in 2026, at noon, and as many days later.
            let days = 20_457 + (day ?? 0)
            packet.time = UInt64(clamping: (days * 86_400 + (second ?? 43_200)) * 1_000_000_000)
        }
    }
}

extension Field {
    /// True if an example can say it beside its packet.
    fileprivate var isTold: Bool {
        switch self {
        case .metaHour, .metaDay, .metaTime: true
        default: connectionKey != nil
        }
    }
}
