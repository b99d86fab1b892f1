import CLinux
import Glibc
public import PacketIO

/// What keeps the host off one port on kernels with TCX: a program at the head of each of the port's two lists.
///
/// The programs stay when the process ends, however it ends. The next start knows them by their names and their note, and puts its
/// own before them before it takes them away.
public struct TCXGuard: Sendable {
    /// Where one of the two programs stands.
    public enum Place: Sendable, Equatable {
        case first
        /// Programs of others come before it.
        case behind([UInt32])
        case missing
    }

    /// Frames since the guard was put in place.
    public struct Counts: Sendable, Equatable {
        /// That came in and were kept from the host.
        public var received: UInt64 = 0
        /// Weir's own that left.
        public var sent: UInt64 = 0
        /// The host's that were kept in; nil where that isn't counted.
        public var silenced: UInt64?
        /// That came in and were handed to the other port.
        public var carried: UInt64 = 0
        /// That came in past the socket filter, while flows were carried or the ports could be joined.
        public var unseen: UInt64 = 0
        /// That came in and were handed to the other port without any rule.
        public var joined: UInt64 = 0
    }

    /// A guard that stands on an interface, ours or of a run before.
    struct Found {
        var hook: TCXHook
        var id: UInt32
        var program: BPFProgram
        var note: BPFMap
    }

    /// Bytes that the first note of a guard may have.
    public static let noteLimit = GuardProgram.noteSizes.upperBound / 2
    /// Values of as many processors as Linux knows (CONFIG_NR_CPUS), so that nobody must ask how many there may be.
    private static let processorLimit = 8192

    public let link: Link
    /// Bytes that a note of this guard may have.
    public let noteCapacity: Int
    private let counters: BPFMap
    private let noteMap: BPFMap
    /// What the ingress program goes by, if the kernel carries flows.
    private let flows: FlowMaps?
    /// By what the ports are joined when Weir fails, if they shall be.
    private let join: PortJoin?
    /// Its ingress program hands frames of carried flows to the other port.
    public var carries: Bool { flows != nil }
    /// By side, what is in the list.
    private var programs: [HookSide: Loaded] = [:]
    /// By side, a program like it that is loaded and not attached, so that restoring costs one call. It is also what `settle` detaches.
    private var spares: [HookSide: Loaded] = [:]

    private struct Loaded {
        var program: BPFProgram
        var id: UInt32
    }

    /// Why there can be no such guard on the interface: an older kernel, or capabilities that are missing; nil if there can.
    public static func obstacle(on link: Link) -> SystemCallError? {
        do throws(SystemCallError) {
            for side in HookSide.allCases { _ = try TCXHook(link, side).listing() }
            // Without it the guard of a run before couldn't be known. No program has the number 0.
            do throws(SystemCallError) {
                _ = try BPFProgram(id: 0)
            } catch  where error.code == ENOENT {}
            _ = try BPFMap(.array, valueSize: 4, capacity: 1, name: GuardProgram.noteName)
            return nil
        } catch {
            return error
        }
    }

    /// Puts a guard on the interface, takes over from those of earlier runs, and leaves programs of others where they are.
    /// Needs CAP_NET_ADMIN, CAP_BPF and CAP_SYS_ADMIN.
    ///
    /// - Parameters:
    ///   - flows: For an ingress program that hands frames of carried flows to the other port.
    ///   - join: For one that hands all frames to it when Weir fails.
    public init(on link: Link, note: [UInt8], flows: FlowMaps? = nil, join: PortJoin? = nil) throws(SystemCallError) {
        self.flows = flows
        self.join = join
        self.link = link
        counters = try BPFMap(
            .perProcessorArray, valueSize: 8, capacity: GuardProgram.Counter.allCases.count, name: GuardProgram.countersName)
        // With room for another one: an MTU may get more digits.
        let size = GuardProgram.noteSizes.clamp(2 * note.count)
        noteCapacity = size - GuardProgram.noteHeader
        noteMap = try BPFMap(.array, valueSize: size, capacity: 1, name: GuardProgram.noteName)
        // Before anything is attached: a guard without its note would be a guard whose port nobody can put back.
        try setNote(note)
        let earlier = Self.standing(on: link)
        var replaced: [HookSide: BPFProgram] = [:]
        do throws(SystemCallError) {
            for side in HookSide.allCases {
                let new = try load(side)
                // Two guards, one after the other, would let nothing out: the first takes the mark off.
                if let first = earlier.first(where: { $0.hook.side == side }), try first.hook.listing().programs.first == first.id {
                    try first.hook.replace(first.program, with: new.program)
                    replaced[side] = first.program
                    programs[side] = new
                } else {
                    try attach(new, side)
                }
                spares[side] = try load(side)
            }
        } catch {
            // What is there from before must not be taken away by a start that can't do better.
            for (side, entry) in programs {
                let hook = TCXHook(link, side)
                if let old = replaced[side] { try? hook.replace(entry.program, with: old) } else { try? hook.detach(entry.program) }
            }
            throw error
        }
        for found in earlier { try found.hook.detach(found.program) }
    }

    /// Loads a program for one side.
    private func load(_ side: HookSide) throws(SystemCallError) -> Loaded {
        let instructions: [weir_bpf_instruction]
        do throws(AssemblyError) {
            instructions = try GuardProgram.instructions(side, of: link.index, counters: counters, note: noteMap, flows: flows, join: join)
        } catch {
            throw SystemCallError(call: "assemble the guard", code: EINVAL, detail: "\(error)")
        }
        let program = try BPFProgram(.trafficControl, instructions, name: GuardProgram.name(side), attachType: side.attachType)
        return Loaded(program: program, id: try program.information().id)
    }

    /// Attaches a program at the head of the list of one side.
    private mutating func attach(_ new: Loaded, _ side: HookSide) throws(SystemCallError) {
        try TCXHook(link, side).attachFirst(new.program)
        programs[side] = new
    }

    // MARK: watching

    /// Where the program of a side stands now.
    public func place(_ side: HookSide) throws(SystemCallError) -> Place {
        let listing = try TCXHook(link, side).listing()
        guard let id = programs[side]?.id, let place = listing.programs.firstIndex(of: id) else { return .missing }
        return place == 0 ? .first : .behind([UInt32](listing.programs[..<place]))
    }

    /// Returns true if one of these very programs is on an interface of the network namespace that the calling thread is in.
    public func isAttached(to link: Link) -> Bool {
        programs.contains { side, loaded in ((try? TCXHook(link, side).listing())?.programs ?? []).contains(loaded.id) }
    }

    /// Has a program of a side be the first again, without a moment in which there is none where there is one. `settle` has to follow.
    ///
    /// Every change of a list waits until no processor runs it any more (kernel/bpf/tcx.c, tcx_entry_sync), which may take long on a busy
    /// machine, so nothing is done here but the one change that counts.
    ///
    /// - Parameter isMissing: It isn't in the list; otherwise others have come before it.
    public mutating func restore(_ side: HookSide, isMissing: Bool) throws(SystemCallError) {
        guard let old = programs[side] else { return }
        if isMissing { return try attach(old, side) }
        // A program can be in a list only once, so one that is to move is replaced by its like.
        guard let spare = spares[side] else { return }
        try attach(spare, side)
        spares[side] = old
    }

    /// Takes programs away that `restore` has replaced.
    public mutating func settle() throws(SystemCallError) {
        for (side, spare) in spares { try TCXHook(link, side).detach(spare.program) }
    }

    /// What the programs have counted.
    public func counts() throws(SystemCallError) -> Counts {
        func sum(_ counter: GuardProgram.Counter) throws(SystemCallError) -> UInt64 { try Self.sum(counter, in: counters) }
        return Counts(
            received: try sum(.received), sent: try sum(.sent), silenced: try sum(.silenced), carried: try sum(.carried),
            unseen: try sum(.unseen), joined: try sum(.joined))
    }

    static func sum(_ counter: GuardProgram.Counter, in counters: BPFMap) throws(SystemCallError) -> UInt64 {
        var values = [UInt8](repeating: 0, count: 8 * processorLimit)
        try counters.read(counter.rawValue, into: &values)
        return values.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: 8).reduce(0) { $0 &+ bytes.loadUnaligned(fromByteOffset: $1, as: UInt64.self) }
        }
    }

    /// What a guard on an interface does for a run that has failed open.
    public struct Joining: Sendable {
        /// Frames that it has handed to the other port without any rule.
        public var frames: UInt64
        /// The mark under which such frames leave by the interface; nil if it can't be known.
        public var mark: UInt32?
    }

    /// What a guard does that stands on the interface; nil if none stands there that would join. Changes nothing.
    public static func joining(on link: Link) -> Joining? {
        standing(on: link).first { $0.hook.side == .ingress }.flatMap { joining(by: $0.program, on: link) }
    }

    /// What an ingress program does; nil if it is none that would join.
    static func joining(by program: BPFProgram, on link: Link) -> Joining? {
        let maps = ((try? program.information())?.maps ?? []).compactMap { try? BPFMap(id: $0) }
        func map(_ name: String) -> BPFMap? { maps.first { (try? $0.information())?.name == name } }
        guard let control = map(PortJoin.mapName), let counters = map(GuardProgram.countersName) else { return nil }
        return Joining(frames: (try? sum(.joined, in: counters)) ?? 0, mark: PortJoin.mark(of: link.index, in: control))
    }

    // MARK: note

    /// Writes the note; EMSGSIZE if it is longer than the guard has room for.
    public func setNote(_ note: [UInt8]) throws(SystemCallError) {
        guard note.count <= noteCapacity else {
            throw SystemCallError(call: "write a note of \(note.count) bytes to the guard of \(link.name)", code: EMSGSIZE)
        }
        let header = withUnsafeBytes(of: UInt32(note.count)) { [UInt8]($0) }
        try noteMap.write(0, header + note + [UInt8](repeating: 0, count: noteCapacity - note.count))
    }

    /// The note of a guard of Weir's that stands on the interface; nil if none does. Changes nothing.
    public static func note(on link: Link) -> [UInt8]? {
        // The first in the list is the newest.
        guard let found = standing(on: link).first else { return nil }
        let size = (try? found.note.information().valueSize) ?? 0
        var value = [UInt8](repeating: 0, count: max(Int(size), GuardProgram.noteSizes.lowerBound))
        guard (try? found.note.read(0, into: &value)) != nil else { return [] }
        let length = value.withUnsafeBytes { Int($0.loadUnaligned(as: UInt32.self)) }
        return [UInt8](value.dropFirst(GuardProgram.noteHeader).prefix(length))
    }

    /// Where the programs of a guard of Weir's stand on an interface, by whichever run they were put there; nil if there is none. Changes
    /// nothing.
    public static func places(on link: Link) -> [HookSide: Place]? {
        let found = standing(on: link)
        if found.isEmpty { return nil }
        var places: [HookSide: Place] = [:]
        for side in HookSide.allCases {
            let ids = found.filter { $0.hook.side == side }.map(\.id)
            let listed = (try? TCXHook(link, side).listing())?.programs ?? []
            let place = listed.firstIndex(where: ids.contains)
            places[side] = place.map { $0 == 0 ? .first : .behind([UInt32](listed[..<$0])) } ?? .missing
        }
        return places
    }

    /// The guards that stand on an interface, ingress first, in the lists' order. Empty where they can't be known.
    static func standing(on link: Link) -> [Found] {
        var found: [Found] = []
        for side in HookSide.allCases {
            let hook = TCXHook(link, side)
            for id in (try? hook.listing())?.programs ?? [] {
                guard let program = try? BPFProgram(id: id), let information = try? program.information(),
                    information.name == GuardProgram.name(side)
                else { continue }
                // Somebody's program may carry the name; the note makes it ours.
                let note = information.maps.lazy.compactMap { try? BPFMap(id: $0) }
                    .first { (try? $0.information())?.isNote ?? false }
                if let note { found.append(Found(hook: hook, id: id, program: program, note: note)) }
            }
        }
        return found
    }

    // MARK: end

    /// Takes the guard away. From here on the host hears and speaks on the port.
    public func remove() throws(SystemCallError) {
        for (side, entry) in programs { try TCXHook(link, side).detach(entry.program) }
    }

    /// Takes every guard of Weir's off an interface.
    public static func remove(from link: Link) throws(SystemCallError) {
        for found in standing(on: link) { try found.hook.detach(found.program) }
    }
}

extension BPFMap.Information {
    /// It is the note of a guard.
    fileprivate var isNote: Bool {
        name == GuardProgram.noteName && kind == BPFMap.Kind.array.rawValue && GuardProgram.noteSizes.contains(Int(valueSize))
    }
}

extension ClosedRange<Int> {
    /// The number of the range that is nearest.
    fileprivate func clamp(_ number: Int) -> Int { Swift.min(Swift.max(number, lowerBound), upperBound) }
}
