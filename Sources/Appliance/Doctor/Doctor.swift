import Glibc
import PacketIO
import Reporting

/// Proves a wire before it is trusted: looks at the two ports, the kernel and all others that have to do with them, and changes nothing.
public struct Doctor: Sendable, Encodable {
    /// What is known of a port.
    public struct PortReport: Sendable, Encodable {
        /// As given.
        public var name: String
        /// What the interface is called.
        public var interface: String
        public var index: Int32
        public var alternativeNames: [String]
        public var up: Bool
        /// The operator's, by which "too big" is judged.
        public var mtu: UInt32
        /// The process of a Weir that runs there: 0 if it can't be seen, nil if none does.
        public var weir: Int32?
        /// `tcx` or `filters`; nil if no guard of Weir's stands there.
        public var `guard`: String?
        /// The guard is whole, and nothing runs before it.
        public var guardIsFirst: Bool
    }

    /// No finding is a fault. That a run is going on is not said by it.
    public private(set) var trustworthy: Bool
    /// One run of Weir has both ports.
    public private(set) var running: Bool
    /// The release, as `uname -r` says it.
    public private(set) var kernel: String
    public private(set) var ports: [PortReport]
    /// The gravest first.
    public private(set) var findings: [Finding]

    /// Looks at two ports, named as `--ports` names them, and at the notes of earlier runs.
    public init(ports names: [String], stateDirectory: String) {
        kernel = ProcFile.lines("/proc/sys/kernel/osrelease").first ?? ""
        ports = []
        findings = []
        trustworthy = false
        running = false
        do {
            let journal = PortJournal(existing: stateDirectory)
            try examine(names, journal)
            findings += try journal.staleNotes(Links()).map {
                Finding(.note, .notes, nil, "\($0.reason); its note \($0.path) is of no use", do: "start Weir, which removes it")
            }
        } catch {
            findings.append(Finding(.fault, .port, nil, "\(error)"))
        }
        if let problem = PortSocket.obstacle() {
            findings.append(Self.finding(problem))
        }
        findings.sort { $0.severity > $1.severity }
        trustworthy = findings.allSatisfy { $0.severity < .fault }
    }

    /// What to say when packet sockets can't be had.
    private static func finding(_ problem: SystemCallError) -> Finding {
        let remedy =
            switch problem.code {
            case EPERM, EACCES: "run this as root, or with CAP_NET_RAW; a security module can forbid it too"
            case EAFNOSUPPORT: "use a kernel with CONFIG_PACKET, or load its module (modprobe af_packet)"
            default: "use a kernel whose packet sockets have TPACKET_V2 rings and PACKET_IGNORE_OUTGOING (Linux 4.20)"
            }
        return Finding(.fault, .kernel, nil, "packet sockets can't be had as Weir needs them (\(problem))", do: remedy)
    }

    private mutating func examine(_ names: [String], _ journal: PortJournal) throws {
        let table = try Links()
        let all = try table.all()
        let links = try StartChecks.links(Self.interfaces(names, all, journal))
        for (name, link) in zip(names, links) {
            let (isTaken, process) = PortLock.isHeld(link.index)
            let standing = StandingGuard.find(on: link)
            let mtu = (standing?.originals ?? journal.read(about: link))?.operatorMTU(of: link) ?? link.mtu
            let bypasses = AgentFindings.bypasses(link, called: name)
            ports.append(
                PortReport(
                    name: name, interface: link.name, index: link.index, alternativeNames: link.alternativeNames, up: link.isRunning,
                    mtu: mtu,
                    weir: isTaken ? process : nil, guard: standing?.kind,
                    guardIsFirst: (standing?.isFirst ?? false) && bypasses.allSatisfy { $0.severity < .fault }))
            findings += GuardFindings.of(link, called: name, standing, isTaken: isTaken) + EgressFindings.of(link, called: name)
            findings += try LinkFindings.of(link, called: name, mtu: mtu, isTaken: isTaken, among: all, table)
            findings += AgentFindings.atStart(link, called: name) + bypasses
            findings += NoteFindings.of(link, called: name, journal, standing, isTaken: isTaken)
            findings += AgentFindings.packetSockets(link, called: name, besides: isTaken ? process : nil)
        }
        findings += LinkFindings.between(names, mtus: ports.map(\.mtu), nil)
        running = ports[0].weir != nil && ports[0].weir == ports[1].weir
    }

    /// The interfaces' names of now, of ports that a run may call otherwise: it goes by the interface, and by the name that it had at the
    /// start.
    private static func interfaces(_ names: [String], _ all: [Link], _ journal: PortJournal) -> [String] {
        let held = all.filter { PortLock.isHeld($0.index).0 }
        guard !held.isEmpty else { return names }
        let ports = held.map { link in
            (link, (StandingGuard.find(on: link)?.originals ?? journal.read(about: link))?.port)
        }
        return names.map { name in ports.first { $0.1 == name }?.0.name ?? name }
    }

    /// For people.
    public var text: String {
        var lines = ["kernel \(kernel)"]
        for port in ports {
            var facts = ["\(port.name):"]
            let others = ([port.interface] + port.alternativeNames).filter { $0 != port.name }
            facts.append("interface \(port.index)" + (others.isEmpty ? "" : " (also called \(others.listed()))") + ",")
            facts.append(port.up ? "up," : "down,")
            facts.append("MTU \(port.mtu),")
            facts.append(port.weir.map { $0 > 0 ? "taken by Weir (process \($0))," : "taken by Weir," } ?? "not taken,")
            let material = port.guard == "tcx" ? "TCX programs" : "tc filters"
            facts.append(port.guard == nil ? "no guard" : "guard of \(material)\(port.guardIsFirst ? ", first on both sides" : "")")
            lines.append(facts.joined(separator: " "))
        }
        for finding in findings {
            lines.append("\(finding.severity.rawValue): \(finding.text)")
            if let remedy = finding.remedy { lines.append("    \(remedy)") }
        }
        lines.append(verdict)
        return lines.joined(separator: "\n") + "\n"
    }

    /// The last line.
    private var verdict: String {
        func amount(_ severity: Finding.Severity) -> String? {
            let count = findings.count { $0.severity == severity }
            return count == 0 ? nil : "\(count) \(severity.rawValue)\(count == 1 ? "" : "s")"
        }
        if let faults = amount(.fault) { return "\(faults): don't trust this wire until there is none" }
        if let warnings = amount(.warning) {
            return "no fault, but \(warnings): nothing gets past the rules by it, and something may be lost"
        }
        return running ? "nothing speaks against trusting this wire" : "nothing speaks against trusting this wire, once Weir runs on it"
    }
}
