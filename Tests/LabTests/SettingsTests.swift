import Foundation
import Testing

extension UntimedLabTests {
    /// Settings files, through the program.
    @Suite("Settings", .needsWeir)
    struct SettingsTests {
        /// A file in a folder of its own, which goes with the value.
        private final class File {
            let path: String
            private let folder: URL

            init(_ text: String) throws {
                folder = FileManager.default.temporaryDirectory.appending(path: "weir-\(UUID().uuidString)")
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
                path = folder.appending(path: "edge.conf").path
                try text.write(toFile: path, atomically: true, encoding: .utf8)
            }

            deinit { try? FileManager.default.removeItem(at: folder) }
        }

        private static let edge = """
            ports = ["eth1", "eth2"]
            rules = "edge.nft"
            workers = 2

            [drop-captures]
            drops-size = "10M"

            """

        @Test(
            "what is wrong between settings has the place of one of them",
            arguments: [
                ("[drop-captures]\ndrops-size = \"10M\"\n", "2:1: error: drops-size needs drops"),
                ("workers = 2\n\n[drop-captures]\ndrops = \"-\"\ndrops-files = 3\n", "4:1: error: standard output can't be rotated"),
                ("workers = 0\n", "1:1: error: workers takes a number from 1 to 256"),
                ("json = true\nanswer-rate = -1\n", "2:1: error: answer-rate takes a number from 0 to"),
                ("ports = [\"eth1\"]\n", "1:1: error: ports takes two interfaces"),
                ("[connections]\nflow-timeout = { nonsense = 5 }\n", "2:1: error: "),
                ("[drop-captures]\ndrops = \"d\"\ndrops-size = \"10X\"\n", "3:1: error: "),
                ("slots = 1\n", "1:1: error: slots takes a number from 2 to 65536"),
            ])
        func contradictions(text: String, fault: String) throws {
            let file = try File(text)
            let result = try Command.run([Weir.binary, "settings", "check", file.path])
            #expect(result.status == 65)
            #expect(result.error.hasPrefix("\(file.path):\(fault)"), "\(result.error)")
            #expect(result.output.isEmpty)
        }

        @Test("good files are counted, and the command line may have what completes them")
        func good() throws {
            let file = try File(Self.edge + "drops = \"drops.pcapng\"\n")
            let result = try Command.run([Weir.binary, "settings", "check", file.path])
            #expect(result.status == 0 && result.error.isEmpty, "\(result.error)")
            #expect(result.output == "\(file.path): 5 settings\n")
        }

        @Test("a file that is not there, a name, two files")
        func files() throws {
            let missing = try Command.run([Weir.binary, "run", "no-such-name"])
            #expect(missing.status == 66 && missing.error.contains("/etc/weir/no-such-name.conf can't be read"), "\(missing.error)")
            let two = try Command.run([Weir.binary, "run", "a", "--settings", "b"])
            #expect(two.status == 64 && two.error.contains("a run takes one file of settings"), "\(two.error)")
            let file = try File("workers = 2\n")
            let incomplete = try Command.run([Weir.binary, "run", "--settings", file.path])
            #expect(incomplete.status == 64 && incomplete.error.contains("'--ports <a,b>'"), "\(incomplete.error)")
        }

        @Test("what holds, and where it comes from; the command line wins, and the output is a settings file")
        func shown() throws {
            let file = try File(Self.edge + "drops = \"a\\\"b\\\\c\"\n[rule-files]\ndefine = { lan = \"eth1\" }\n")
            let arguments = ["settings", "show", file.path, "--workers", "4", "--gro=off", "-D", "wan=eth2", "--no-json"]
            let result = try Command.run([Weir.binary] + arguments)
            #expect(result.status == 0, "\(result.error)")
            for line in [
                "ports = [\"eth1\", \"eth2\"]  # \(file.path):1", "rules = \"edge.nft\"  # \(file.path):2", "workers = 4  # command line",
                "gro = \"off\"  # command line", "json = false  # command line", "# answer-rate = 1000  # default",
                "drops-size = \"10M\"  # \(file.path):6", "drops = \"a\\\"b\\\\c\"  # \(file.path):7",
                "define = [\"lan=eth1\", \"wan=eth2\"]  # \(file.path):9 and command line",
            ] { #expect(result.output.contains("\(line)\n"), "\(line) in \(result.output)") }
            let again = try File(result.output)
            let check = try Command.run([Weir.binary, "settings", "check", again.path])
            #expect(check.status == 0, "\(check.error)")
            let json = try Command.run([Weir.binary, "settings", "show", "--json", file.path])
            let all = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]]
            #expect(all?.contains { $0["name"] as? String == "workers" && $0["source"] as? String == "\(file.path):3" } == true)
        }

        @Test("each option of a run is a setting")
        func complete() throws {
            let help = try Command.run([Weir.binary, "run", "--help"]).output
            let options = help.lines.compactMap { line in
                try? /^ {2}(?:-[A-Z], )?--([a-z0-9-]+)/.firstMatch(in: line).map { String($0.1) }
            }
            #expect(options.count > 30, "\(options)")
            let shown = try Command.run([Weir.binary, "settings", "show"]).output
            for option in options where !["settings", "version", "help"].contains(option) {
                #expect(shown.contains("\n\(option) = ") || shown.contains("# \(option) = "), "\(option)")
            }
        }

        @Test("a run with a settings file forwards as it says")
        func run() throws {
            let lab = try Lab()
            let rules = try lab.write(Weir.passAll, to: "edge.nft")
            let settings = try lab.write(
                """
                ports = ["eth1", "eth2"]
                rules = "\(rules.path)"
                workers = 1
                state-directory = "\(lab.directory.path)/state"
                json = true
                """, to: "edge.conf")
            let weir = try lab.start(in: .fw, [Weir.binary, "run", "--settings", settings.path, "--workers", "2"])
            #expect(eventually(within: .seconds(15)) { weir.errorText.contains("forwarding between eth1 and eth2 with 2 workers") })
            #expect(try lab.answers("10.77.0.2"))
            weir.signal(SIGTERM)
            #expect(weir.wait(limit: .seconds(15)) == 0)
        }
    }
}
