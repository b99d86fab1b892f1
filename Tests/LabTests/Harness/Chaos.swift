import FrameBuilder
import Foundation
import Testing

/// Everything that others can do to the two ports while Weir runs, in an order that a seed decides.
final class Chaos {
    /// One thing that is done.
    struct Step {
        var name: String
        /// Commands in the firewall's namespace, for sh. $N and $F are the namespaces of the hosts.
        var script = ""
        /// A new interface, or the guard of one, is in question: until it has been seen, the host may be heard.
        var uncovers = false
        /// What it does to Weir itself.
        var weir = Kind.nothing
    }

    enum Kind {
        case nothing
        /// Stopped before the script and continued after it.
        case stopped
        /// Ended by this signal before the script and started again after it.
        case restarted(Int32)
        case reloaded
    }

    /// What is as it was ordered, whoever ordered it.
    struct Wire {
        /// The names in --ports.
        var configured = ["eth1", "eth2"]
        var names = ["eth1", "eth2"]
        var mtu = [1500, 1500]
    }

    /// When something else than numbered datagrams may arrive.
    private struct Window {
        let start: Double
        let end: Double
    }

    private struct Stranger: Decodable {
        let at: String
        let time: Double
        let frame: String
    }

    private struct Answer: Decodable {
        let near, far: Double
        let arrived: Int
        let strangers: [Stranger]
        let strangerCount: Int
    }

    static let hosts = ["near0", "far0"]
    /// Seconds. An interface that Weir doesn't know yet is guarded within 100 ms of the kernel's word of it; a busy machine gets more.
    private static let patience = ProcessInfo.processInfo.environment["CHAOS_PATIENCE"].flatMap { Double($0) } ?? 0.25

    let lab: Lab
    var random: SeededGenerator
    var wire = Wire()
    /// What the ports are like without Weir.
    let before: [String]
    private let addresses: [String]
    private let traffic: Process
    private let questions = Pipe()
    private let answers = Pipe()
    private var pending = Data()
    private(set) var weir: Background
    private var windows: [Window] = []
    private(set) var history: [String] = []
    /// Seconds from the end of a step to the first datagram each way.
    private(set) var recoveries: [Double] = []
    private(set) var arrived = 0

    init(seed: UInt64) throws {
        random = SeededGenerator(seed: seed)
        lab = try Lab(bare: true)
        for place in [Place.near, .far] { try lab.require(in: place, "sysctl -qw net.ipv6.conf.default.disable_ipv6=1") }
        guard let script = Bundle.module.url(forResource: "Support/chaos", withExtension: "py") else {
            throw CommandFailure(description: "Support/chaos.py is not among the test's resources")
        }
        _ = try lab.write(
            "table bridge t {\n chain f {\n  type filter hook forward priority 0; policy drop;\n  udp dport 7000 accept\n }\n}\n",
            to: "rules.nft")
        before = try wire.names.map(lab.state)
        addresses = try wire.names.map(lab.address)
        traffic = Process()
        weir = try Self.launch(lab, wire)
        traffic.executableURL = URL(filePath: "/usr/bin/env")
        traffic.arguments = ["/usr/bin/python3", script.path] + [Place.near, .fw, .far].map(lab.namespace)
        traffic.standardInput = questions
        traffic.standardOutput = answers
    }

    /// The host has addresses on both ports, routes between them and knows everybody: it lacks nothing to answer and to route.
    private func prepare() throws {
        try run("sysctl -qw net.ipv4.ip_forward=1; \(furnish(0)); \(furnish(1))")
    }

    func begin() throws {
        guard eventually(within: .seconds(15), { isForwarding }) else {
            throw CommandFailure(description: "weir does not forward: \(weir.errorText)")
        }
        try prepare()
        try traffic.run()
        _ = try expectTraffic(after: Date().timeIntervalSince1970, within: 10)
    }

    private static func launch(_ lab: Lab, _ wire: Wire) throws -> Background {
        try Weir.launch(
            in: lab, rules: lab.directory.appending(path: "rules.nft"), options: ["--ports", wire.configured.joined(separator: ",")])
    }

    private var isForwarding: Bool { weir.errorText.contains("forwarding between") }

    /// Gives a port what its host needs to speak by it.
    func furnish(_ port: Int) -> String {
        let name = wire.names[port]
        let net = port == 0 ? 77 : 88
        return """
            ip link set \(name) up; ip address replace 10.\(net).0.254/24 dev \(name);
            ip neigh replace 10.\(net).0.\(port + 1) lladdr 02:77:00:00:00:0\(port + 1) dev \(name)
            """
    }

    /// Puts a cable where there is none: an interface of the configured name, with the host's other end.
    func cable(_ port: Int, index: String = "") -> String {
        let (name, host) = (wire.configured[port], Self.hosts[port])
        let space = port == 0 ? "$N" : "$F"
        return """
            ip link add \(name) \(index) address \(addresses[port]) type veth peer name \(host) netns \(space) \
            address 02:77:00:00:00:0\(port + 1);
            ip -n \(space) link set \(host) arp off up
            """
    }

    private func run(_ script: String) throws {
        let tcx = Bundle.module.url(forResource: "Support/tcx", withExtension: "py")?.path ?? ""
        let spaces =
            "TCX='/usr/bin/python3 \(tcx)'; N=\(lab.namespace(of: .near)); F=\(lab.namespace(of: .far)); W=\(lab.namespace(of: .fw));"
        _ = try lab.run(in: .fw, ["sh", "-c", spaces + script])
    }

    // MARK: steps

    func perform(_ step: Step) throws {
        history.append(step.name)
        let start = Date().timeIntervalSince1970
        switch step.weir {
        case .nothing: try run(step.script)
        case .reloaded:
            weir.signal(SIGHUP)
            try run(step.script)
        case .stopped:
            weir.signal(SIGSTOP)
            try run(step.script)
            usleep(UInt32.random(in: 0..<100, using: &random) * 1000)
            weir.signal(SIGCONT)
        case .restarted(let signal):
            weir.signal(signal)
            guard weir.wait(limit: .seconds(15)) != nil else { throw CommandFailure(description: "weir does not end") }
            try run(step.script)
            wire.configured = wire.names
            weir = try Self.launch(lab, wire)
            guard eventually(within: .seconds(15), { isForwarding }) else {
                throw CommandFailure(description: "weir does not start again: \(weir.errorText)")
            }
        }
        let end = Date().timeIntervalSince1970
        if step.uncovers { windows.append(Window(start: start, end: end + Self.patience)) }
        recoveries.append(try expectTraffic(after: end, within: Bounds.recovery))
        try expectAlive()
    }

    enum Bounds {
        /// Seconds until frames pass again.
        static let recovery = 2.0
    }

    private func expectAlive() throws {
        guard weir.process.isRunning else { throw CommandFailure(description: "weir has ended: \(weir.errorText.suffix(2000))") }
    }

    /// Waits until datagrams that were sent after `start` have arrived at both ends; returns after how many seconds.
    private func expectTraffic(after start: Double, within limit: Double) throws -> Double {
        while true {
            let answer = try ask()
            let now = Date().timeIntervalSince1970
            if answer.near > start, answer.far > start { return max(min(answer.near, answer.far), start) - start }
            if now > start + limit {
                throw CommandFailure(
                    description:
                        "nothing passes \(limit) s after it: near \(answer.near - start), far \(answer.far - start); \(weir.errorText.suffix(1500))"
                )
            }
            usleep(20_000)
        }
    }

    /// What nobody should have heard, outside the windows.
    private(set) var strangers: [String] = []

    private func ask() throws -> Answer {
        try questions.fileHandleForWriting.write(contentsOf: Data("?\n".utf8))
        while true {
            if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                let answer = try JSONDecoder().decode(Answer.self, from: Data(pending[..<end]))
                pending = Data(pending[(end + 1)...])
                arrived = answer.arrived
                unjudged += answer.strangers
                return answer
            }
            let more = answers.fileHandleForReading.availableData
            guard !more.isEmpty else { throw CommandFailure(description: "the traffic has ended") }
            pending.append(more)
        }
    }

    private var unjudged: [Stranger] = []

    /// Looks at what has been heard and was not expected, now that all windows up to here are known.
    func judge() {
        for stranger in unjudged where !windows.contains(where: { $0.start <= stranger.time && stranger.time <= $0.end }) {
            strangers.append("\(stranger.at) heard \(stranger.frame)")
        }
        unjudged = []
        let horizon = Date().timeIntervalSince1970 - 30
        windows.removeAll { $0.end < horizon }
    }

    // MARK: the end

    /// Ends Weir and the traffic; the ports have the names of the beginning then.
    func end() throws {
        weir.signal(SIGTERM)
        guard weir.wait(limit: .seconds(15)) == 0 else {
            throw CommandFailure(description: "weir ends badly: \(weir.errorText.suffix(2000))")
        }
        try? questions.fileHandleForWriting.close()
        traffic.waitUntilExit()
    }

    deinit {
        if traffic.isRunning { traffic.terminate() }
    }
}
