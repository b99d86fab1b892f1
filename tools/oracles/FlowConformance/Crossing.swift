import Classifier
import Decisions
import Firewall
import Foundation
import FrameBuilder
import KernelBridge
import Storage
import Wire

/// One packet on its way from an end to the other.
enum Crossing {
    /// By the clock of both sides.
    static var now: Instant {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Instant(monotonic: UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec), sinceEpoch: 1_767_268_800_000_000_000)
    }

    /// - Returns: The frame as it comes out of the bridge; nil if it does not.
    static func overBridge(_ step: Step, _ bed: TestBed, waits rounds: Int = 100) -> [UInt8]? {
        let (end, other) = step.from == .near ? (bed.near, bed.far) : (bed.far, bed.near)
        _ = other.received()
        guard end.send(step.frame) else { return nil }
        // It crosses the bridge within the call that sends it, unless the kernel puts it off.
        for _ in 0..<rounds {
            if let frame = other.received().first { return frame }
            usleep(500)
        }
        return nil
    }

    /// - Returns: The frame as Weir hands it on, without its outermost tag; nil if it does not.
    static func throughWeir(_ step: Step, _ firewall: inout Firewall) -> [UInt8]? {
        let taken = takeOutTag(of: step.frame)
        var bytes = taken?.bytes ?? step.frame
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        let judgement = firewall.judge(&raw, tag: taken?.tag, ingress: UInt8(step.from.rawValue), at: now)
        return judgement.verdict == .accept ? bytes : nil
    }
}
