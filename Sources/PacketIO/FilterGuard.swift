import CLinux
import Glibc

/// What keeps the host off one port where TCX can't be had: a filter of tc at each of the port's two hooks.
///
/// TCX programs of others run before them, and one that answers "pass" takes frames past them (net/core/dev.c, sch_handle_ingress).
public struct FilterGuard: Sendable {
    /// Where one of the two filters stands.
    public enum Place: Sendable, Equatable {
        case first
        /// After filters of others that were not there when the guard was put in place.
        case behind
        case missing
    }

    /// Bytes that a note may have.
    public static let noteCapacity = FilterNote.capacity

    public let link: Link
    private var note: [UInt8]
    /// The eBPF program that decides on what comes in; without one all of it ends.
    private let ingress: Int32?
    /// By side: filters of others that came before ours from the start, and can't be overtaken.
    private var tolerated: [HookSide: Int] = [:]

    /// Puts a guard on the interface or takes over the one that a run before has left. Returns warnings about filters of others.
    ///
    /// - Parameter ingress: The descriptor of an eBPF program of traffic control, valid as long as the guard is held, that decides on what
    ///   comes in; nil has all of it end.
    public static func raise(on link: Link, note: [UInt8], ingress: Int32? = nil) throws -> (FilterGuard, warnings: [String]) {
        var guarding = FilterGuard(link: link, note: note, ingress: ingress)
        try guarding.ensureHook()
        var warnings: [String] = []
        for side in HookSide.allCases {
            do throws(SystemCallError) {
                let preference = try guarding.renew(side)
                if preference > 1 {
                    warnings.append(
                        "\(link.name) has a tc \(side) filter of preference 1, which runs before Weir's: "
                            + "frames that it accepts or redirects get past")
                }
                guarding.tolerated[side] = try guarding.predecessors(side) ?? 0
            } catch {
                throw Self.refusal(link, error)
            }
        }
        return (guarding, warnings)
    }

    private static func hookRefusal(_ link: Link, _ kind: String) -> PortRefusal {
        PortRefusal(
            description: "\(link.name) has a qdisc of kind \"\(kind)\", which has no place for a rule that keeps the host silent; "
                + "replace it with clsact (tc qdisc del dev \(link.name) \(kind); tc qdisc add dev \(link.name) clsact)")
    }

    private static func refusal(_ link: Link, _ error: SystemCallError) -> PortRefusal {
        PortRefusal(
            description: "the host can't be kept off \(link.name) (\(error)); "
                + "the kernel must have the clsact qdisc, and cls_matchall with act_gact or cls_bpf")
    }

    /// Throws what makes a guard of filters impossible, as far as that can be seen without changing anything.
    public static func expectToBeRaised(on link: Link) throws {
        if let kind = try hookKind(on: link), kind != "clsact" { throw hookRefusal(link, kind) }
    }

    private func ensureHook() throws {
        let control = try TrafficControl(link)
        switch try control.hookKind() {
        case nil:
            do throws(SystemCallError) {
                try control.addClsact()
            } catch  where error.code == EEXIST {
                // Somebody was faster.
            } catch {
                throw Self.refusal(link, error)
            }
        case "clsact":
            break
        case let kind?:
            throw Self.hookRefusal(link, kind)
        }
    }

    /// Adds our filter of a side as early as it can be had, then takes older ones of ours away. Returns its preference.
    @discardableResult
    private func renew(_ side: HookSide) throws(SystemCallError) -> UInt32 {
        let control = try TrafficControl(link)
        let filters = try control.filters(side).filter { $0.chain == 0 }
        let old = filters.filter(\.isOurs)
        // A preference holds filters of one kind, so one of ours of another kind has its preference until it is gone.
        let isProgram = side == .ingress && ingress != nil
        let place = Self.firstPlace(among: filters, beside: { !isProgram || $0.kind == "bpf" })
        do throws(SystemCallError) {
            switch side {
            case .ingress:
                if let ingress { try control.addIngressProgram(place, ingress) } else { try control.addIngressDrop(place) }
            case .egress: try control.addEgressSilence(place, note: note)
            }
        } catch  where error.code == EEXIST && old.contains(where: { $0.preference == place.preference && $0.kind == "matchall" }) {
            // A preference holds one filter of that kind, and it is ours already.
            return place.preference
        }
        for filter in old { try control.remove(filter, side) }
        // What it had to make room for may be gone with ours.
        if isProgram, old.contains(where: { $0.preference < place.preference }) { return try renew(side) }
        return place.preference
    }

    /// The preference that our filter of a side would get; above 1 others come before it. Changes nothing.
    public static func firstPreference(_ side: HookSide, on link: Link) throws(SystemCallError) -> UInt32 {
        let control = try TrafficControl(link)
        return try control.hookKind() == nil ? 1 : firstPlace(among: control.filters(side).filter { $0.chain == 0 }).preference
    }

    /// The first to run decides, so ours must be that: the lowest preference that is free, or that programs have which the newest
    /// comes before.
    ///
    /// - Parameter isFit: A filter of ours may have ours beside it.
    private static func firstPlace(
        among filters: [TrafficControl.Filter], beside isFit: (TrafficControl.Filter) -> Bool = { _ in true }
    ) -> TrafficControl.Place {
        var preference: UInt32 = 1
        func there() -> [TrafficControl.Filter] { filters.filter { $0.preference == preference } }
        while !there().allSatisfy({ $0.isOurs && isFit($0) || $0.isSharedProgram }) { preference += 1 }
        let handles = there().filter(\.isOurs).map(\.handle)
        return TrafficControl.Place(
            preference: preference, handle: handles.contains(TrafficControl.handle) ? TrafficControl.handle | 1 : TrafficControl.handle,
            sharesWithPrograms: there().contains { $0.kind == "bpf" })
    }

    /// How many filters of others come before ours; nil if ours isn't there. The kernel lists filters in the order in which they run.
    private func predecessors(_ side: HookSide) throws(SystemCallError) -> Int? {
        try Self.predecessors(side, on: link)
    }

    /// By side, how many filters of others come before one of Weir's; a side without one is left out. nil if there is none at all. Changes
    /// nothing.
    public static func predecessors(on link: Link) -> [HookSide: Int]? {
        var numbers: [HookSide: Int] = [:]
        for side in HookSide.allCases { numbers[side] = try? predecessors(side, on: link) }
        return numbers.isEmpty ? nil : numbers
    }

    private static func predecessors(_ side: HookSide, on link: Link) throws(SystemCallError) -> Int? {
        let control = try TrafficControl(link)
        guard try control.hookKind() == "clsact" else { return nil }
        return try control.filters(side).filter { $0.chain == 0 }.firstIndex(where: \.isOurs)
    }

    /// The number of the eBPF program of Weir's that decides on what comes in; nil if there is none. Changes nothing.
    public static func ingressProgram(on link: Link) -> UInt32? {
        guard let control = try? TrafficControl(link) else { return nil }
        return ((try? control.filters(.ingress)) ?? []).first(where: \.isOurs)?.programID
    }

    // MARK: watching

    /// Filters of others come before it, which can't be overtaken.
    public var isBehindOthers: Bool { tolerated.values.contains { $0 > 0 } }

    /// Where the filter of a side stands now.
    public func place(_ side: HookSide) throws(SystemCallError) -> Place {
        guard let count = try predecessors(side) else { return .missing }
        return count > tolerated[side] ?? 0 ? .behind : .first
    }

    /// Puts the filter of a side back as early as it can be had.
    public mutating func restore(_ side: HookSide) throws {
        try ensureHook()
        try renew(side)
        tolerated[side] = try predecessors(side) ?? 0
    }

    // MARK: note

    /// Writes the note; EMSGSIZE if it is longer than `noteCapacity`.
    public mutating func setNote(_ note: [UInt8]) throws(SystemCallError) {
        try Self.expectFit(note, link)
        self.note = note
        try renew(.egress)
    }

    private static func expectFit(_ note: [UInt8], _ link: Link) throws(SystemCallError) {
        guard note.count <= noteCapacity else {
            throw SystemCallError(call: "write a note of \(note.count) bytes to the guard of \(link.name)", code: EMSGSIZE)
        }
    }

    /// The note of a guard of this kind that stands on the interface; nil if none does. Changes nothing.
    public static func note(on link: Link) -> [UInt8]? {
        guard let control = try? TrafficControl(link), (try? control.hookKind()) == "clsact" else { return nil }
        let filters = HookSide.allCases.flatMap { (try? control.filters($0)) ?? [] }.filter(\.isOurs)
        guard !filters.isEmpty else { return nil }
        return filters.lazy.map { FilterNote.note(in: $0.program) }.first { !$0.isEmpty } ?? []
    }

    // MARK: end

    /// Takes every filter of Weir's off an interface, and the qdisc too if it is ours to remove and holds nothing else.
    public static func remove(from link: Link, removesHook: Bool) throws(SystemCallError) {
        let control = try TrafficControl(link)
        guard try control.hookKind() == "clsact" else { return }
        var othersAreThere = false
        for side in HookSide.allCases {
            for filter in try control.filters(side) {
                if filter.isOurs { try control.remove(filter, side) } else { othersAreThere = true }
            }
        }
        if removesHook, !othersAreThere { try control.removeClsact() }
    }

    /// The qdisc at the ingress hook, whose ever it is: `clsact`, `ingress`, or nil for none.
    public static func hookKind(on link: Link) throws(SystemCallError) -> String? {
        try TrafficControl(link).hookKind()
    }
}
