import Firewall

/// The packets about which two rule sets were asked for the last frame, so that the first frame of each pair of rules can be explained.
package final class ComparedPackets {
    private(set) var here: [JudgedPackets.Packet] = []
    private(set) var there: [JudgedPackets.Packet] = []
    /// Is called with the first frame of each pair, and what both were asked.
    private let look: (JudgedFrame, ComparedPackets) -> Void
    private(set) lazy var hereListener = JudgedPackets { [unowned self] in here.append($0) }
    private(set) lazy var thereListener = JudgedPackets { [unowned self] in there.append($0) }

    init(_ look: @escaping (JudgedFrame, ComparedPackets) -> Void) { self.look = look }

    /// Another frame comes.
    func begin() {
        here.removeAll(keepingCapacity: true)
        there.removeAll(keepingCapacity: true)
    }

    func tell(_ frame: JudgedFrame) { look(frame, self) }
}
