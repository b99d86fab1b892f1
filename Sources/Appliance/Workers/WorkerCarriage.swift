import Classifier
import Firewall
import KernelPath
import PacketIO

// What a worker does for the flows that the kernel carries.
extension Worker {
    /// Has the map follow the flows, hands those over of which nothing is on its way, and accounts for what was carried. To be called when
    /// all that was taken from the rings is sent.
    @inline(never)
    mutating func attendToCarriage(_ near: borrowing ReceiveRing, _ far: borrowing ReceiveRing) {
        guard let fastPath else { return }
        let now = Clock.now()
        let maps = fastPath.maps
        firewall.updateCarriageMap(remove: { maps.remove($1) }, insert: { maps.insert($0, $1) })
        // In this order: the look at all that wait is for a moment at which they may be handed over.
        if maps.generation == generation, near.isEmpty, far.isEmpty, firewall.prepareHandover(at: now), near.isEmpty, far.isEmpty {
            firewall.handOver(generation: generation)
        }
        firewall.accountCarried(at: now) { [counters] in Self.count(counters, ingress: $0, frames: $1, bytes: $2) }
    }

    /// The worker judges each frame again from here on.
    mutating func takeBackAll() {
        firewall.endCarrying { [counters] in Self.count(counters, ingress: $0, frames: $1, bytes: $2) }
    }

    /// A tracker that only the kernel path has used makes room for one that the rules ask for.
    mutating func releaseCarried(before program: Program) {
        guard let fastPath else { return }
        let maps = fastPath.maps
        firewall.releaseCarried(before: program)
        firewall.updateCarriageMap(remove: { maps.remove($1) }, insert: { maps.insert($0, $1) })
    }

    private static func count(_ counters: (PortCounters, PortCounters), ingress: UInt8, frames: Int, bytes: Int) {
        let (received, sent) = ingress == 0 ? counters : (counters.1, counters.0)
        received.count(.receivedFrames, frames)
        received.count(.receivedBytes, bytes)
        sent.count(.sentFrames, frames)
        sent.count(.sentBytes, bytes)
    }
}
