import Classifier
import FrameBuilder
import Ruleset

/// To whom connections of odd numbers are still there.
final class HalfLive: LiveConnections, @unchecked Sendable {
    override func isAlive(_ entry: UInt64, at now: UInt64) -> Bool { entry % 2 == 1 }
}

/// Connections, and rules that speak of them: both draw their numbers from the same few.
struct RandomConnections {
    var random: SeededGenerator

    private static let states: [PacketConnection.State] = [.invalid, .established, .related, .new, .untracked]
    private static let statuses: [PacketConnection.Status] = [[], .confirmed, [.seenReply, .assured, .confirmed], .dying, .expected]
    private static let addresses: [UInt128] = [0x0a00_0001, 0x0a00_0002, 0xc000_0207]
    private static let addresses6: [UInt128] = [1, 0x2001_0db8 << 96, .max]
    private static let ports: [UInt16] = [0, 22, 53, 0x0800, 65535]
    private static let counts: [UInt64] = [0, 1, 7, 1_000, .max]
    private static let times: [UInt32] = [0, 999, 30_000, 432_000_000]
    /// As `HalfLive` has them.
    private static let entries: [UInt64] = Array(1...12)
    private static let keys = Field.allCases.filter { $0.connectionKey != nil }

    mutating func connection() -> PacketConnection {
        var connection = PacketConnection(state: random.pick(Self.states))
        connection.isFollowed = ![.invalid, .untracked].contains(connection.state)
        if !connection.isFollowed, random.oneIn(2) { connection.counting = .known }
        guard connection.isFollowed else { return connection }
        let isIPv6 = random.oneIn(3)
        connection.direction = random.pick([.original, .reply])
        connection.networkProtocol = isIPv6 ? 10 : 2
        connection.transportProtocol = random.pick([1, 6, 17])
        connection.status = random.pick(Self.statuses)
        connection.mark = random.pick([0, 1, 3, 0xffff_ffff])
        connection.expiration = random.pick(Self.times)
        connection.counting = random.pick([.known, .goesOn, .begins, .begins])
        if connection.counting != .known { connection.entry = random.pick(Self.entries) }
        connection.original = tuple(isIPv6)
        connection.reply = tuple(isIPv6)
        connection.originalCounts = .init(packets: random.pick(Self.counts), bytes: random.pick(Self.counts))
        connection.replyCounts = .init(packets: random.pick(Self.counts), bytes: random.pick(Self.counts))
        return connection
    }

    private mutating func tuple(_ isIPv6: Bool) -> PacketConnection.Tuple {
        let addresses = isIPv6 ? Self.addresses6 : Self.addresses
        return .init(
            sourceAddress: random.pick(addresses), destinationAddress: random.pick(addresses), sourcePort: random.pick(Self.ports),
            destinationPort: random.pick(Self.ports))
    }

    /// A number that connections have in that field, or one beside it.
    private mutating func corner(of field: Field) -> UInt128 {
        let number: UInt128
        switch field.connectionKey {
        case .state: number = UInt128(random.pick(Self.states).rawValue)
        case .direction: number = random.pick([0, 1, 2])
        case .status: number = UInt128(random.pick(Self.statuses).rawValue)
        case .mark, nil: number = random.pick([0, 1, 3, 0xffff_ffff])
        case .expiration: number = UInt128(random.pick(Self.times))
        case .networkProtocol: number = random.pick([2, 10])
        case .transportProtocol: number = random.pick([1, 6, 17])
        case .address(_, _, let isIPv6): number = random.pick(isIPv6 ? Self.addresses6 : Self.addresses)
        case .port: number = UInt128(random.pick(Self.ports))
        case .zone: number = random.pick([0, 1])
        case .bytes, .packets, .averageBytes: number = UInt128(random.pick(Self.counts))
        }
        return random.oneIn(8) ? (number &+ 1) & field.allOnes : number
    }

    private mutating func field() -> Field { random.oneIn(3) ? .ctState : random.pick(Self.keys) }

    private mutating func value(of field: Field) -> Value {
        let (one, other) = (corner(of: field), corner(of: field))
        return random.oneIn(4) ? .range(min(one, other), max(one, other)) : .number(one)
    }

    private mutating func mark() -> AssignedValue {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return .constant(corner(of: .ctMark))
        case 3:
            let field = random.pick([Field.ctMark, .metaMark])
            return .shifted(
                ShiftedBits(field, steps: [.bits(mask: 0xff, xor: 1), .shift(random.pick([1, 4, -1])), .bits(mask: nil, xor: 2)]))
        case 1:
            return .bits(
                MatchKey.Component(
                    random.pick([.ctMark, .metaMark]), mask: random.oneIn(2) ? random.pick([1, 0xff]) : nil, xor: random.pick([0, 0, 6])))
        default:
            let key = field()
            let element = SetElement(value: .number(corner(of: key)), mapped: .value(.number(9)), location: Build.nowhere)
            return .mapped(ValueMap(key: MatchKey(MatchKey.Component(key)), elements: .anonymous([element]), location: Build.nowhere))
        }
    }

    mutating func statement() -> Statement {
        switch Int.random(in: 0..<12, using: &random) {
        case 10, 11:
            let count = ConnectionCount(limit: random.pick([0, 1, 2, 4]), isOver: random.oneIn(2))
            if random.oneIn(2) { return .connectionCount(count, location: Build.nowhere) }
            // Of several elements, among other statements of theirs.
            let counter = ElementStatement.counter(packets: 0, bytes: 0)
            let key = MatchKey(MatchKey.Component(random.pick([.ctMark, .ctState])))
            var update = SetUpdate(operation: .update, key: key, set: "m\(random.next())", location: Build.nowhere)
            update.meterSize = 3
            update.statements = random.pick([[.connectionCount(count)], [counter, .connectionCount(count), .connectionCount(count)]])
            return .update(update)
        case 0: return .notrack(location: Build.nowhere)
        case 1: return .object(ObjectReference(kind: .timeout, name: random.pick(["a", "b"])), location: Build.nowhere)
        case 2, 3:
            return .assignment(Assignment(field: random.pick([.ctMark, .metaMark]), value: mark(), location: Build.nowhere))
        case 4:
            // Of several fields.
            let fields = [field(), random.pick([.ctMark, .metaMark])]
            let key = MatchKey(MatchKey.Component(fields[0]), rest: [MatchKey.Component(fields[1])])
            let values = (0..<4).map { _ in Value.concatenation(fields.map { .number(corner(of: $0)) }) }
            return .match(Match(key: key, operand: .set(values), location: Build.nowhere))
        default:
            let field = field()
            let mask: UInt128? = random.oneIn(3) ? corner(of: field) : nil
            let relation: Relation = random.oneIn(2) ? .notEqual : .equal
            let operand: Operand =
                random.oneIn(3) ? .set((0..<3).map { _ in value(of: field) }) : .single(value(of: field))
            return .match(Match(field: field, mask: mask, relation: relation, operand: operand, location: Build.nowhere))
        }
    }

    /// The same rule set, in which half of the rules speak of connections, and some chains come before they are tracked.
    mutating func speaking(_ ruleset: Ruleset) -> Ruleset {
        var ruleset = ruleset
        for table in ruleset.tables.indices {
            ruleset.tables[table].objects += [ConnectionTimeout.TransportProtocol.tcp, .udp].enumerated().map {
                NamedObject(
                    name: ["a", "b"][$0], content: .timeout(ConnectionTimeout(transportProtocol: $1, networkProtocol: .inet)),
                    location: Build.nowhere)
            }
            for chain in ruleset.tables[table].chains.indices {
                if ruleset.tables[table].chains[chain].base != nil, random.oneIn(2) {
                    ruleset.tables[table].chains[chain].base?.hook = .prerouting
                    ruleset.tables[table].chains[chain].base?.priority = random.pick([-300, -201, -200, -150, 0])
                }
                for rule in ruleset.tables[table].chains[chain].rules.indices where random.oneIn(2) {
                    ruleset.tables[table].chains[chain].rules[rule].statements.insert(statement(), at: 0)
                }
            }
        }
        return ruleset
    }
}
