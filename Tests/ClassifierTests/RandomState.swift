import Classifier
import FrameBuilder
import Ruleset

/// Statements that remember, in numbers so small that frames come to their ends.
extension RandomRulesets {
    static let objects: [NamedObject] = [
        NamedObject(name: "a", content: .counter(packets: 0, bytes: 0), location: Build.nowhere),
        NamedObject(name: "b", content: .counter(packets: 3, bytes: 9), location: Build.nowhere),
        NamedObject(name: "a", content: .quota(Quota(bytes: 400, isOver: true)), location: Build.nowhere),
        NamedObject(name: "b", content: .quota(Quota(bytes: 900, used: 500)), location: Build.nowhere),
        NamedObject(name: "a", content: .limit(Limit(rate: 1, unit: .minute, burst: 3)), location: Build.nowhere),
        NamedObject(
            name: "b", content: .limit(Limit(rate: 90, unit: .second, measure: .bytes, burst: 0, isOver: true)), location: Build.nowhere),
    ]

    mutating func statefulStatement() -> Statement {
        switch Int.random(in: 0...4, using: &random) {
        case 0:
            let measure: Limit.Measure = random.pick([.packets, .bytes])
            return .limit(
                Limit(
                    rate: random.pick([1, 3, 50, 1_000]), unit: random.pick(Limit.Unit.allCases), measure: measure,
                    burst: UInt32(random.pick(measure == .packets ? [1, 2, 5] : [0, 40, 100])), isOver: random.oneIn(3)),
                location: Build.nowhere)
        case 1:
            let bytes: UInt64 = random.pick([0, 46, 92, 500])
            return .quota(Quota(bytes: bytes, used: bytes / random.pick([1, 2, 3]), isOver: random.oneIn(2)), location: Build.nowhere)
        case 2, 3:
            let object = random.pick(Self.objects)
            return .object(ObjectReference(kind: object.kind, name: object.name), location: Build.nowhere)
        default:
            return .log(LogStatement(prefix: "x"), location: Build.nowhere)
        }
    }

    /// The clocks some time later: now and then not at all, now and then by days.
    mutating func later(than instant: Instant) -> Instant {
        let step: UInt64 = random.pick([0, 1, 1_000_000, 1_000_000_000, 20_000_000_000, 3_600_000_000_000, 90_000_000_000_000])
        return Instant(monotonic: instant.monotonic + step, sinceEpoch: instant.sinceEpoch + step)
    }
}
