import Foundation
import Testing

extension UntimedLabTests {
    /// What new rules may take of the machine's memory.
    @Suite("Reload memory", .needsWeir)
    struct ReloadMemoryTests {
        private static func addresses(_ count: Int) -> String {
            let elements = (0..<count).map { "10.\($0 >> 16).\($0 >> 8 & 255).\($0 & 255)" }.joined(separator: ", ")
            return "table bridge t { set s { type ipv4_addr; elements = { \(elements) }; };\n"
                + "chain c { type filter hook forward priority 0; ip saddr @s drop; }; };\n"
        }

        /// Elements that are no plain addresses take hundreds of octets each while they are read.
        private static func verdicts(_ count: Int) -> String {
            let elements = (0..<count).map { "10.\($0 >> 16).\($0 >> 8 & 255).\($0 & 255) : drop" }.joined(separator: ", ")
            return "table bridge t { map m { type ipv4_addr : verdict; elements = { \(elements) }; };\n"
                + "chain c { type filter hook forward priority 0; ip saddr vmap @m; }; };\n"
        }

        private static let rules: [(description: String, text: String, says: String)] = [
            ("a map of many elements", verdicts(100_000), "would take some"),
            ("a file that is too large to be read", "# " + String(repeating: "x", count: 30 << 20) + "\n", "would take some"),
            (
                "a set that has room for more than may be taken",
                "table bridge t { set s { type ipv4_addr; flags dynamic; size 4000000; }; chain c { type filter hook forward priority 0; "
                    + "add @s { ip saddr }; }; };\n",
                "what the rules remember would take"
            ),
            ("an included file", "include \"LARGE\"\n", "would take some"),
        ]

        @Test("a reload that would take more than it may is refused before it takes it", arguments: rules.indices)
        func refused(_ index: Int) throws {
            let lab = try Lab()
            let large = try lab.write(Self.verdicts(100_000), to: "large.nft")
            let file = try lab.write(Weir.passAll, to: "rules.nft")
            let weir = try Weir(in: lab, rules: file, options: ["--reload-memory", "40M"])
            let before = try weir.residentMemory()
            try Self.rules[index].text.replacing("LARGE", with: large.path).write(to: file, atomically: true, encoding: .utf8)
            weir.signal(SIGHUP)
            #expect(eventually(within: .seconds(20)) { weir.log.contains("rules stay as they were") }, "\(weir.log)")
            #expect(weir.log.contains(Self.rules[index].says) || weir.log.contains("see above"), "\(weir.log)")
            #expect(weir.log.contains("--reload-memory"), "\(weir.log)")
            #expect(try weir.residentMemory() - before < 60 << 10, "\(Self.rules[index].description)")
            #expect(try lab.answers("10.77.0.2"))
            // What is within it comes.
            try Weir.chain(["counter comment \"new\""]).write(to: file, atomically: true, encoding: .utf8)
            weir.signal(SIGHUP)
            #expect(eventually(within: .seconds(20)) { weir.log.contains("new rules are in force") }, "\(weir.log)")
            #expect(weir.stop().status == 0)
        }

        /// The memory controller of a machine: where its groups are, and how they are limited.
        private struct Controller {
            var folder: URL
            var limit: String

            /// Version 1 where that has the controller, else version 2; nil where no group can be made.
            static var here: Controller? {
                let (first, second) = (URL(filePath: "/sys/fs/cgroup/memory"), URL(filePath: "/sys/fs/cgroup"))
                func exists(_ folder: URL, _ name: String) -> Bool {
                    FileManager.default.fileExists(atPath: folder.appending(path: name).path)
                }
                if exists(first, "memory.limit_in_bytes") { return Controller(folder: first, limit: "memory.limit_in_bytes") }
                let enabled = (try? String(contentsOf: second.appending(path: "cgroup.subtree_control"), encoding: .utf8)) ?? ""
                return enabled.contains("memory") ? Controller(folder: second, limit: "memory.max") : nil
            }
        }

        /// A control group of a test.
        private struct Group {
            let folder: URL

            init(_ controller: Controller, bytes: Int) throws {
                folder = controller.folder.appending(path: "weir-\(UUID().uuidString)")
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
                try "\(bytes)".write(to: folder.appending(path: controller.limit), atomically: false, encoding: .utf8)
            }

            /// A run in it.
            func start(_ lab: Lab, _ rules: URL, by entry: Entry, options: String) throws -> Background {
                let command =
                    "echo $$ > \(folder.path)/cgroup.procs && exec \(entry.command(lab.namespace(of: .fw))) \(Weir.binary) run "
                    + "--ports eth1,eth2 \(options) --rules \(rules.path) --state-directory \(lab.directory.appending(path: "state").path)"
                return try Background(["sh", "-c", command], directory: lab.directory)
            }

            /// Once no process is in it.
            func remove() { rmdir(folder.path) }
        }

        /// How a run comes into the lab's namespace: commands of ip-netns(8) have a /sys of their own, without control groups.
        enum Entry: String, CaseIterable {
            case nsenter, netns

            func command(_ namespace: String) -> String {
                self == .nsenter ? "nsenter --net=/run/netns/\(namespace)" : "ip netns exec \(namespace)"
            }
        }

        @Test(
            "a start that would take more than a control group's memory is refused before it takes it",
            .enabled(if: Controller.here != nil, "no memory controller"), arguments: Entry.allCases)
        func start(_ entry: Entry) throws {
            let group = try Group(try #require(Controller.here), bytes: 64 << 20)
            defer { group.remove() }
            let lab = try Lab()
            let stateful = Weir.chain(["ct state established accept"])
            let refused = try group.start(lab, lab.write(stateful, to: "a.nft"), by: entry, options: "--workers 2")
            defer { refused.end() }
            #expect(refused.wait(limit: .seconds(20)) == 1, "\(refused.errorText)")
            #expect(refused.errorText.contains("there is too little memory: the tables of connections take"), "\(refused.errorText)")
            #expect(try lab.isWithoutGuard("eth1"))
            // What it advises works, and the first rules that ask for connections are refused like a start.
            let file = try lab.write(Weir.passAll, to: "b.nft")
            let weir = try group.start(lab, file, by: entry, options: "--workers 1 --flows 600000")
            defer { weir.end() }
            #expect(eventually(within: .seconds(30)) { weir.errorText.contains("forwarding between") }, "\(weir.errorText)")
            try stateful.write(to: file, atomically: true, encoding: .utf8)
            weir.signal(SIGHUP)
            #expect(eventually(within: .seconds(20)) { weir.errorText.contains("asks for connections, whose tables would take") })
            #expect(try lab.answers("10.77.0.2"))
            weir.signal(SIGTERM)
            #expect(weir.wait(limit: .seconds(15)) == 0)
            let small = try group.start(lab, lab.write(stateful, to: "c.nft"), by: entry, options: "--workers 1 --flows 10000")
            defer { small.end() }
            #expect(eventually(within: .seconds(30)) { small.errorText.contains("forwarding between") }, "\(small.errorText)")
            small.signal(SIGTERM)
            #expect(small.wait(limit: .seconds(15)) == 0)
        }

        @Test(
            "a reload keeps within a control group's memory, whichever version",
            .enabled(if: Controller.here != nil, "no memory controller"), arguments: Entry.allCases)
        func controlGroup(_ entry: Entry) throws {
            let group = try Group(try #require(Controller.here), bytes: 300 << 20)
            defer { group.remove() }
            let lab = try Lab()
            let file = try lab.write(Weir.passAll, to: "rules.nft")
            let weir = try group.start(lab, file, by: entry, options: "--workers 1")
            defer { weir.end() }
            #expect(eventually(within: .seconds(30)) { weir.errorText.contains("forwarding between") }, "\(weir.errorText)")
            // More than the group has, and less than half of the machine.
            try Self.verdicts(400_000).write(to: file, atomically: true, encoding: .utf8)
            weir.signal(SIGHUP)
            #expect(eventually(within: .seconds(20)) { weir.errorText.contains("rules stay as they were") }, "\(weir.errorText)")
            #expect(weir.errorText.contains("the control group has left"), "\(weir.errorText)")
            try Weir.chain(["counter comment \"new\""]).write(to: file, atomically: true, encoding: .utf8)
            weir.signal(SIGHUP)
            #expect(eventually(within: .seconds(20)) { weir.errorText.contains("new rules are in force") }, "\(weir.errorText)")
            #expect(try lab.answers("10.77.0.2"))
            weir.signal(SIGTERM)
            #expect(weir.wait(limit: .seconds(15)) == 0)
        }

        @Test("sets have their memory from the start, and more than the machine has is refused")
        func committed() throws {
            let lab = try Lab()
            func rules(_ size: Int) -> String {
                "table bridge t { set s { type ipv4_addr; flags dynamic; size \(size); }; chain c { type filter hook forward priority 0; "
                    + "add @s { ip saddr }; }; };\n"
            }
            // 36 bytes for each element; without its sets a run has a third of that.
            let weir = try Weir(in: lab, rules: rules(4_000_000))
            #expect(try weir.residentMemory() > 140 << 10)
            #expect(weir.stop().status == 0)
            // 64 bytes and more for each element, together more than there is.
            let count = Int(ProcessInfo.processInfo.physicalMemory / (4_000_000 * 64)) + 1
            let sets = (0..<count).map { "set s\($0) { type ipv6_addr . ipv6_addr . ipv6_addr; flags dynamic; size 4000000; }" }
            let chain = (0..<count).map { "add @s\($0) { ip6 saddr . ip6 daddr . ip6 saddr }" }.joined(separator: "\n")
            let text = "table bridge t {\n\(sets.joined(separator: "\n"))\nchain c { type filter hook forward priority 0; \(chain)\n}\n}\n"
            let process = try Weir.launch(in: lab, rules: lab.write(text, to: "vast.nft"))
            #expect(process.wait(limit: .seconds(30)) == 1, "\(process.errorText)")
            #expect(process.errorText.contains("what the rules remember would take"), "\(process.errorText)")
        }

        /// A set or map whose elements are addresses, with what they have beside them.
        private static func addressSet(
            _ head: String, _ count: Int = 100_000, _ tail: String = "", kind: String = "set", isWide: Bool = false
        ) -> String {
            let elements = (0..<count).map { index in
                isWide
                    ? "2001:db8::\(String(index >> 16, radix: 16)):\(String(index & 0xffff, radix: 16))"
                    : "10.\(index >> 15 & 255).\(index >> 7 & 255).\(index << 1 & 255)\(tail)"
            }.joined(separator: ",\n")
            return "table bridge t {\n\(kind) s {\n\(head)\nelements = { \(elements) }\n}\n}\n"
        }

        private static let definition =
            "define d = { \((0..<100_000).map { "10.\($0 >> 16).\($0 >> 8 & 255).\($0 & 255)" }.joined(separator: ", ")) }\n"

        /// Sets of many elements: the estimate is no lower than what they take.
        private static let sets: [(description: String, text: String)] = [
            ("addresses", addressSet("type ipv4_addr", 1_000_000)),
            ("addresses of IPv6", addressSet("type ipv6_addr", isWide: true)),
            ("addresses with timeouts", addressSet("type ipv4_addr\nflags timeout\ntimeout 1h\nsize 200000")),
            ("a million addresses with timeouts", addressSet("type ipv4_addr\nflags timeout\ntimeout 1h\nsize 1000000", 1_000_000)),
            ("addresses with timeouts of their own", addressSet("type ipv4_addr\nflags timeout\nsize 200000", 100_000, " timeout 1h")),
            ("addresses of a set that changes", addressSet("type ipv4_addr\nflags dynamic\nsize 200000")),
            ("addresses with counters", addressSet("type ipv4_addr\ncounter")),
            ("addresses with counters of their own", addressSet("type ipv4_addr\ncounter", 100_000, " counter packets 5 bytes 6")),
            ("addresses with limits", addressSet("type ipv4_addr\nflags dynamic\nsize 200000\nlimit rate 10/second")),
            ("addresses with quotas", addressSet("type ipv4_addr\nflags dynamic\nsize 200000\nquota over 10 mbytes")),
            ("addresses that know their last use", addressSet("type ipv4_addr\nflags dynamic\nsize 200000\nlast")),
            ("addresses that count connections", addressSet("type ipv4_addr\nflags dynamic\nsize 200000\nct count over 3")),
            ("prefixes with timeouts", addressSet("type ipv4_addr\nflags interval,timeout\ntimeout 1h", 300_000, "/31")),
            ("prefixes with counters", addressSet("type ipv4_addr\nflags interval\ncounter", 300_000, "/31")),
            ("concatenations", addressSet("type ipv4_addr . inet_service", 100_000, " . 80")),
            ("a map to marks", addressSet("type ipv4_addr : mark", 100_000, " : 5", kind: "map")),
            ("a map to verdicts", addressSet("type ipv4_addr : verdict", 100_000, " : drop", kind: "map")),
            ("a definition in a plain set", definition + "table bridge t { set s { type ipv4_addr; elements = $d\n}\n}\n"),
            (
                "a definition in a set with timeouts",
                definition + "table bridge t { set s { type ipv4_addr; flags timeout; size 200000; elements = $d\n}\n}\n"
            ),
            ("a definition in a rule", definition + Weir.chain(["ip saddr $d drop"])),
            (
                "addresses in a rule",
                Weir.chain(["ip saddr " + definition.replacing("define d = ", with: "").replacing("\n", with: "") + " drop"])
            ),
        ]

        @Test("what reading a large set is said to take is no less than what it takes", arguments: sets.indices)
        func largeSets(_ index: Int) throws {
            let ratio = try ratio(Self.sets[index].text)
            // Too much is taken for definitions of plain addresses, which are small: 4.2 times.
            #expect((1...5).contains(ratio), "\(Self.sets[index].description): \(ratio)")
        }

        /// Shapes of rule sets, as large as it takes for the process' own memory not to count.
        private static let shapes: [(description: String, text: String)] = [
            ("addresses", addresses(100_000)),
            (
                "prefixes",
                "table bridge t { set s { type ipv4_addr; flags interval; elements = { "
                    + (0..<50_000).map { "10.\($0 >> 12).\($0 >> 4 & 255).\($0 << 4 & 255)/30" }.joined(separator: ", ") + " }; }; };\n"
            ),
            (
                "concatenations",
                "table bridge t { set s { type ipv4_addr . inet_service; elements = { "
                    + (0..<50_000).map { "10.0.\($0 >> 8).\($0 & 255) . \($0)" }.joined(separator: ", ") + " }; }; };\n"
            ),
            (
                "a map of verdicts",
                "table bridge t { map m { type ipv4_addr : verdict; elements = { "
                    + (0..<50_000).map { "10.0.\($0 >> 8).\($0 & 255) : drop" }.joined(separator: ",\n") + " }; }; };\n"
            ),
            ("rules", Weir.chain((0..<20_000).map { "ip saddr 10.\($0 >> 8 & 255).\($0 & 255).1 tcp dport \($0) counter accept" })),
            (
                "long rules",
                Weir.chain(
                    (0..<10_000).map {
                        "ip saddr 10.\($0 >> 8).\($0 & 255).0/24 ip daddr 192.0.2.0/24 tcp dport \($0)-\($0 + 20_000) "
                            + "meta mark set 5 counter log prefix \"x\($0) \" accept comment \"rule number \($0)\""
                    })
            ),
            (
                "sets in rules",
                Weir.chain(
                    (0..<4000).map { rule in
                        "ip saddr { \((0..<20).map { "10.\($0).\(rule >> 8).\(rule & 255)" }.joined(separator: ", ")) } drop"
                    })
            ),
        ]

        @Test("what reading is said to take is about what it takes", arguments: shapes.indices)
        func estimate(_ index: Int) throws {
            let ratio = try ratio(Self.shapes[index].text)
            #expect((0.65...2.5).contains(ratio), "\(Self.shapes[index].description): \(ratio)")
        }

        /// The estimate by the peak of a process.
        private func ratio(_ text: String) throws -> Double {
            let folder = FileManager.default.temporaryDirectory.appending(path: "weir-memory-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.appending(path: "rules.nft")
            try text.write(to: file, atomically: true, encoding: .utf8)
            // The largest of its children, in KiB.
            let script = """
                import json, resource, subprocess, sys
                def peak(path):
                    child = subprocess.Popen([sys.argv[1], "check", "--stats", "--json", path], stdout=subprocess.PIPE)
                    text = child.communicate()[0]
                    assert child.returncode == 0, path
                    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, json.loads(text)
                empty, _ = peak("/dev/null")
                most, report = peak(sys.argv[2])
                print((most - empty) << 10, report["statistics"][0]["readingBytes"])
                """
            let result = try Command.run(["/usr/bin/python3", "-c", script, Weir.binary, file.path], limit: 120)
            let numbers = result.output.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
            try #require(numbers.count == 2, "\(result.error)")
            return numbers[1] / numbers[0]
        }
    }
}
