public import Classifier
public import Storage
public import Wire

/// Shows the packets that a firewall asks its rules about, as the rules saw them: of fragments the whole datagram, before rules changed it.
///
/// For explanations. It copies every packet, which nothing on the way of live frames may do: a firewall has none unless it is given one.
public final class JudgedPackets {
    /// A packet, and what the program said of it.
    public struct Packet: Sendable {
        public var bytes: [UInt8]
        public var frame: ParsedFrame
        public var isChecksumPartial: Bool
        /// Index into `Program.ports`.
        public var ingress: UInt8
        public var instant: Instant
        /// The base chains that were asked. A packet whose connection is followed stands here for each section of its path.
        public var section: PathSection
        /// What was said before.
        public var before: Classification
        public var connection: PacketConnection
        public var classification: Classification
    }

    private let look: (Packet) -> Void
    private var packet: Packet?

    /// - Parameter look: Is called when the rules have spoken of a packet, and before anything follows from it: connections are still as
    ///   the rules saw them.
    public init(_ look: @escaping (Packet) -> Void) { self.look = look }

    @inline(never)
    func add(
        _ bytes: RawSpan, _ frame: ParsedFrame, isChecksumPartial: Bool, ingress: UInt8, at instant: Instant, section: PathSection,
        after before: Classification, connection: PacketConnection
    ) {
        packet = Packet(
            bytes: (0..<bytes.byteCount).map { bytes.u8(at: $0) }, frame: frame, isChecksumPartial: isChecksumPartial, ingress: ingress,
            instant: instant, section: section, before: before, connection: connection, classification: before)
    }

    /// What was said of the packet that was added last.
    @inline(never)
    func conclude(_ classification: Classification) {
        guard var packet else { return }
        self.packet = nil
        packet.classification = classification
        look(packet)
    }
}
