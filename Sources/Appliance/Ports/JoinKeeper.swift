import Glibc
import KernelPath
import Logging
import PacketIO

/// What becomes of frames when Weir ends, crashes, is killed or doesn't move.
public enum FailureMode: String, Sendable, CaseIterable {
    /// Nothing passes until the next start.
    case closed
    /// The kernel joins the two ports, without any rule.
    case open
}

/// Tells the kernel by `PortJoin` when Weir judges, and says when the ports were joined. Only on the port thread.
struct JoinKeeper {
    /// How long workers may take for a turn, on a machine however busy.
    static let patience = Duration.seconds(2)
    /// How long a change of the sockets may take.
    private static let changeTime = Duration.seconds(2)
    /// Of the looks, which come every 50 ms, one in this many asks the workers.
    private static let looksPerQuestion = 10
    /// Between two messages about frames that were joined.
    private static let messageInterval = Duration.seconds(60)

    let join: PortJoin
    private var health = WorkerHealth()
    private var looks = 0
    private var lastMoved = ContinuousClock.now
    private var isStuck = false
    private var toldBypass = false
    private var told: UInt64 = 0
    private var lastMessage: ContinuousClock.Instant?

    init(_ join: PortJoin) { self.join = join }

    /// Makes what the kernel joins the ports by; nil where it shall not.
    static func join(_ configuration: Configuration) throws -> PortJoin? {
        guard configuration.failure == .open else { return nil }
        for name in configuration.ports {
            guard let link = (try? Links().link(named: name)) ?? nil, let error = IngressProgram.obstacle(on: link) else { continue }
            throw refusal(error)
        }
        do throws(SystemCallError) {
            return try PortJoin()
        } catch {
            throw refusal(error)
        }
    }

    private static func refusal(_ error: SystemCallError) -> StartProblem {
        let words =
            error.code == EPERM
            ? "Weir needs CAP_BPF and CAP_SYS_ADMIN for it, and a kernel that is not locked down"
            : "the kernel lacks what it takes, which is BPF in tc or TCX (Linux 5.5)"
        return StartProblem("--failure open: \(words) (\(error))")
    }

    /// A start: unless the ports are joined already, nothing passes before Weir has its sockets. If they are, the first guard that is raised
    /// goes on with it.
    ///
    /// - Parameter earlier: By port, what the guard of an earlier run does there.
    func begin(_ links: [Link?], _ earlier: [TCXGuard.Joining?]) {
        for (port, link) in links.enumerated() { join.setPort(port, interface: link?.index ?? 0) }
        join.useOwnMarks()
        for (port, joining) in earlier.enumerated() { if let mark = joining?.mark { join.setMark(port, mark) } }
        join.keepClosed(for: earlier.contains { $0 != nil } ? .zero : .seconds(10))
        join.setMoving(for: .seconds(10))
    }

    /// The sockets are about to be closed, since others follow.
    func sessionEnds() { join.keepClosed(for: Self.changeTime) }

    /// Sockets will be opened for these interfaces.
    mutating func sessionBegins(_ near: Link, _ far: Link) {
        join.setPort(0, interface: near.index)
        join.setPort(1, interface: far.index)
        join.useOwnMarks()
        join.setMoving(for: Self.patience)
        lastMoved = .now
        health = WorkerHealth()
    }

    /// The sockets are open: from here on a frame that none of them sees is one that Weir can't have.
    func sessionHasBegun() { join.keepClosed(for: .zero) }

    /// To be called every 50 ms.
    ///
    /// - Parameters:
    ///   - areThere: Both interfaces are there. Without sockets for them the ports are joined, once the time for a change is over.
    mutating func look(at pool: WorkerPool, hasSession: Bool, areThere: Bool, _ log: Logger) {
        looks += 1
        guard looks % Self.looksPerQuestion == 0 else { return }
        if !hasSession, !areThere { join.keepClosed(for: Self.changeTime) }
        guard hasSession else { return health = WorkerHealth() }
        let moves = health.look(pool.heartbeats.map(\.count))
        pool.wake()
        if moves {
            join.setMoving(for: Self.patience)
            lastMoved = .now
        }
        let wasStuck = isStuck
        isStuck = lastMoved.duration(to: .now) > Self.patience
        if isStuck, !wasStuck { log.error("a worker does not move: the kernel joins the ports, and no rule sees what passes") }
        if !isStuck, wasStuck { log.notice("all workers move again, and judge what passes") }
    }

    /// To be called once a second, with the frames that were handed over without any rule.
    mutating func tell(_ joined: UInt64, _ log: Logger) {
        let hasBypass = join.hasBypass
        if hasBypass != toldBypass {
            log.warning(
                hasBypass
                    ? "the ports are joined by hand: no rule sees what passes until \"weir bypass off\""
                    : "the ports are no longer joined by hand; rules judge what passes")
        }
        toldBypass = hasBypass
        guard joined > told, lastMessage.map({ $0.duration(to: .now) >= Self.messageInterval }) ?? true else { return }
        log.warning("\(joined - told) frames passed that no rule saw, since the kernel had joined the ports")
        told = joined
        lastMessage = .now
    }

    /// Leaves the ports joined at the end. From here on no frame comes to the sockets; what is in the rings is still judged, for half a
    /// second at most.
    func leaveJoined(_ pool: WorkerPool?) {
        join.setBypass(true)
        join.keepClosed(for: .zero)
        guard let pool else { return }
        func received() -> UInt64 { pool.portCounters.joined().reduce(0) { $0 &+ $1.value(.receivedFrames) } }
        for _ in 0..<50 {
            let before = (frames: received(), turns: pool.heartbeats.map(\.count))
            // Between two beats lies a whole turn: then each worker has looked, and none has found anything.
            func haveLooked() -> Bool { zip(before.turns, pool.heartbeats.map(\.count)).allSatisfy { $1 &- $0 >= 2 } }
            for _ in 0..<10 where !haveLooked() {
                pool.wake()
                usleep(1000)
            }
            if haveLooked(), received() == before.frames { return }
        }
    }
}
