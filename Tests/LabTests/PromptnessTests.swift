import Foundation
import Testing

extension Lab {
    /// Lays the cable of `eth2` again, without its addresses, and returns the milliseconds until the host is kept off the new port.
    func millisecondsUntilGuarded() throws -> Int {
        let script = """
            ip link del eth2
            ip link add far0 netns \(namespace(of: .far)) address 02:77:00:00:00:02 type veth peer name eth2
            begun=$(date +%s%N)
            for try in $(seq 300); do
                tc filter show dev eth2 ingress 2>/dev/null | grep -q \(Weir.filterHandle) && break
            done
            echo $(( ($(date +%s%N) - begun) / 1000000 ))
            """
        let result = try run(in: .fw, ["bash", "-c", script])
        guard let time = Int(result.output.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw CommandFailure(description: "\(result.error)\(result.output)")
        }
        try require(in: .fw, "ip link set eth2 up")
        try require(in: .far, "ip address add 10.77.0.2/24 dev far0")
        try require(in: .far, "ip link set far0 up")
        return time
    }
}

extension LabTests {
    /// Ports are guarded and signals obeyed at once, whatever else Weir has to do or can't.
    @Suite("Whatever else goes on", .needsWeir)
    struct PromptnessTests {
        enum Hindrance: String, CaseIterable, Sendable {
            case blockedError, blockedOutput, goneReaders, pipeAsRules, largeReload, blockedCapture
        }

        /// A run in which something is as it should not be.
        private final class Run {
            let lab: Lab
            let process: Background
            let rules: URL

            init(_ hindrance: Hindrance) throws {
                lab = try Lab()
                rules = try lab.write(Weir.passAll, to: "rules.nft")
                // With filters for a guard, which tc shows in no time.
                let weir =
                    "exec \(GuardKind.filters.prefix.joined(separator: " ")) \(Weir.binary) run --ports eth1,eth2 --workers 1 "
                    + "--rules \(rules.path) --state-directory \(lab.directory.appending(path: "state").path)"
                // A pipe that is full and stays so: the descriptor that holds it open never reads.
                let pipe = lab.directory.appending(path: "pipe").path
                let fullPipe = "mkfifo \(pipe); exec 3<>\(pipe); head -c 65536 /dev/zero >&3; "
                let script =
                    switch hindrance {
                    case .blockedError: "\(fullPipe) \(weir) 2>&3"
                    case .blockedOutput: "\(fullPipe) \(weir) >&3"
                    case .blockedCapture: "\(fullPipe) \(weir) --drops - >&3"
                    case .goneReaders: "\(weir) > >(true) 2> >(true)"
                    case .pipeAsRules, .largeReload: weir
                    }
                process = try lab.start(in: .fw, ["bash", "-c", script])
                guard try eventually(within: .seconds(30), { try !lab.isDeaf("10.77.0.2") }) else {
                    throw CommandFailure(description: "weir does not forward: \(process.errorText)")
                }
            }

            /// Makes it happen, where the start was not enough.
            func hinder(_ hindrance: Hindrance) throws {
                switch hindrance {
                case .blockedError, .goneReaders, .blockedCapture: process.signal(SIGHUP)
                case .blockedOutput: for _ in 0..<200 { process.signal(SIGUSR1) }
                case .pipeAsRules:
                    try FileManager.default.removeItem(at: rules)
                    try Command.require(["mkfifo", rules.path])
                    process.signal(SIGHUP)
                case .largeReload:
                    let elements = (0..<300_000).map { "10.\($0 >> 16).\($0 >> 8 & 255).\($0 & 255)" }.joined(separator: ", ")
                    let text =
                        "table bridge t { set s { type ipv4_addr; elements = { \(elements) }; };\n"
                        + "chain c { type filter hook forward priority 0; ip saddr @s drop; }; };\n"
                    try text.write(to: rules, atomically: true, encoding: .utf8)
                    process.signal(SIGHUP)
                }
                sleep(for: .milliseconds(100))
            }
        }

        @Test("a port that is made again is guarded at once, and SIGTERM obeyed", arguments: Hindrance.allCases)
        func prompt(_ hindrance: Hindrance) throws {
            let run = try Run(hindrance)
            let (lab, process) = (run.lab, run.process)
            try run.hinder(hindrance)
            let time = try lab.millisecondsUntilGuarded()
            // 100 ms, and what `tc` takes to say so.
            #expect(time < 250, "\(hindrance)")
            if hindrance == .largeReload { #expect(!process.errorText.contains("new rules"), "it must still be reading") }
            #expect(try eventually(within: .seconds(5)) { try !lab.isDeaf("10.77.0.2") }, "\(process.errorText)")
            let end = ContinuousClock.now
            process.signal(SIGTERM)
            #expect(process.wait(limit: .seconds(15)) == 0, "\(process.errorText)")
            #expect(ContinuousClock.now - end < .seconds(1))
            #expect(try lab.require(in: .fw, "tc qdisc show").contains("clsact") == false, "the ports are given back")
        }

        @Test("what finds no room is counted, and said once somebody reads")
        func lost() throws {
            let lab = try Lab()
            let rules = try lab.write(Weir.passAll, to: "rules.nft")
            let (pipe, text) = (lab.directory.appending(path: "pipe").path, lab.directory.appending(path: "read").path)
            let weir =
                "exec \(Weir.binary) run --ports eth1,eth2 --workers 1 --rules \(rules.path) "
                + "--state-directory \(lab.directory.appending(path: "state").path)"
            let process = try lab.start(
                in: .fw, ["bash", "-c", "mkfifo \(pipe); exec 3<>\(pipe); head -c 65536 /dev/zero >&3; \(weir) >&3"])
            try #require(eventually(within: .seconds(30)) { process.errorText.contains("forwarding between") })
            // Some 700 bytes each: more than the queue has room for.
            #expect(
                eventually(within: .seconds(60), every: .milliseconds(1)) {
                    process.signal(SIGUSR1)
                    return process.errorText.contains("nobody reads standard output")
                }, "\(process.errorText)")
            let reader = try lab.start(in: .fw, ["bash", "-c", "cat \(pipe) > \(text)"])
            #expect(eventually(within: .seconds(10)) { process.errorText.contains("reports are written again; ") }, "\(process.errorText)")
            #expect(process.errorText.components(separatedBy: "nobody reads").count == 2, "\(process.errorText)")
            process.signal(SIGTERM)
            #expect(process.wait(limit: .seconds(5)) == 0)
            reader.end()
        }

        @Test(
            "rules that could keep whoever reads them waiting are refused",
            arguments: [
                ("run --ports eth1,eth2 --rules PIPE", 66, "is a pipe, and reading it could wait for ever"),
                ("run --ports eth1,eth2 --rules /dev/tty", 66, "can't be read"),
                ("run --ports eth1,eth2 --rules /dev/zero", 66, "is a device, and reading it could wait for ever"),
                ("check INCLUDER", 65, "is a pipe, and reading it could wait for ever"),
                ("check <(echo 'table bridge t { }')", 0, ""),
            ])
        func kinds(_ command: String, _ status: Int32, _ words: String) throws {
            let lab = try Lab(bare: true)
            let pipe = lab.directory.appending(path: "PIPE").path
            try Command.require(["mkfifo", pipe])
            _ = try lab.write("include \"\(pipe)\"\n", to: "INCLUDER")
            let result = try lab.run(in: .fw, ["bash", "-c", "cd \(lab.directory.path) && timeout 10 \(Weir.binary) \(command)"])
            #expect(result.status == status, "\(result.error)")
            #expect(words.isEmpty || result.error.contains(words), "\(result.error)")
        }
    }
}
