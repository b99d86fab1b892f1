import Foundation
import Testing

extension UntimedLabTests {
    /// What a run writes gets into no file but its own.
    @Suite("Files of a run", .needsWeir)
    struct OutputFilesTests {
        private static let drop = Weir.chain(["udp dport 9 log group 3", "udp dport 9 log prefix \"nine \"", "udp dport 9 drop"])
        private static let probe = "near/near4/UDP(dport=9)/data(30)"

        /// The options that name a file, which NAME stands for.
        private static let choices = [["--drops", "NAME"], ["--events", "NAME"], ["--group", "3=NAME"]]

        private func options(_ index: Int, _ path: String) -> [String] {
            Self.choices[index].map { $0.replacing("NAME", with: path) }
        }

        @Test("a start that is refused has changed no file", arguments: choices.indices)
        func refused(_ index: Int) throws {
            let lab = try Lab(bare: true)
            let file = lab.directory.appending(path: "file.pcapng")
            let rules = try lab.write(Self.drop, to: "rules.nft")
            let weir = try Weir(in: lab, rules: rules, options: options(index, file.path))
            let wiretap = try Wiretap(lab)
            _ = try wiretap.send(Self.probe, from: .near)
            func size() throws -> Int { try Data(contentsOf: file).count }
            #expect(try eventually(within: .seconds(5)) { try size() > 300 || index == 1 && size() > 50 })
            let before = try Data(contentsOf: file)
            // The ports are held by the first.
            let second = try Weir.launch(in: lab, rules: rules, options: options(index, file.path))
            #expect(second.wait(limit: .seconds(15)) == 1)
            // No port is held there, but the file is: by dummies, in another namespace, so that nothing but the lock stands in the way.
            for port in ["p1", "p2"] { try lab.require(in: .near, "ip link add \(port) type veth peer name \(port)x") }
            let third = try lab.run(
                in: .near,
                [
                    Weir.binary, "run", "--ports", "p1,p2", "--rules", rules.path, "--state-directory",
                    lab.directory.appending(path: "other").path,
                ] + options(index, file.path))
            #expect(third.status == 1)
            #expect(third.error.contains("another process, or another option, writes to it"), "\(third.error)")
            #expect(try Data(contentsOf: file) == before)
            _ = try wiretap.send(Self.probe, from: .near)
            #expect(weir.stop().status == 0)
            #expect(try Data(contentsOf: file).starts(with: before))
            #expect(try size() > before.count, "the first goes on")
        }

        @Test("a start that is refused leaves no new file", arguments: choices.indices)
        func refusedBeforeItBegan(_ index: Int) throws {
            let lab = try Lab(bare: true)
            let file = lab.directory.appending(path: "file.pcapng")
            let rules = try lab.write(Self.drop, to: "rules.nft")
            // More memory than there is for the rings, which is found when the files are open and the ports taken.
            let command =
                [
                    Weir.binary, "run", "--ports", "eth1,eth2", "--rules", rules.path, "--slots", "32768", "--slot-bytes", "16384",
                    "--state-directory", lab.directory.appending(path: "state").path,
                ] + options(index, file.path)
            let states = try ["eth1", "eth2"].map(lab.state)
            let refused = try lab.run(in: .fw, ["bash", "-c", "ulimit -v 500000; exec \"$@\"", "bash"] + command)
            #expect(refused.status == 1, "\(refused.error)")
            #expect(refused.error.contains("memory for the receive rings"), "\(refused.error)")
            #expect(!FileManager.default.fileExists(atPath: file.path))
            #expect(try ["eth1", "eth2"].map(lab.state) == states)
            // Another output stands in the way.
            let other = try lab.run(
                in: .fw, Array(command.prefix(6)) + command.suffix(4) + ["--drops", "/nowhere/x.pcap"])
            if index != 0 {
                #expect(other.status == 1 && other.error.contains("/nowhere/x.pcap"), "\(other.error)")
                #expect(!FileManager.default.fileExists(atPath: file.path))
            }
        }

        @Test("a symbolic link is not followed, at the start and when files are opened again", arguments: choices.indices)
        func symbolicLink(_ index: Int) throws {
            let lab = try Lab(bare: true)
            let content = "what somebody else has written\n"
            let other = try lab.write(content, to: "other")
            let file = lab.directory.appending(path: "file.pcapng")
            try FileManager.default.createSymbolicLink(at: file, withDestinationURL: other)
            let rules = try lab.write(Self.drop, to: "rules.nft")
            let states = try ["eth1", "eth2"].map(lab.state)
            let refused = try Weir.launch(in: lab, rules: rules, options: options(index, file.path))
            #expect(refused.wait(limit: .seconds(15)) == 1)
            #expect(refused.errorText.contains("it is a symbolic link"), "\(refused.errorText)")
            #expect(try ["eth1", "eth2"].map(lab.state) == states)

            try FileManager.default.removeItem(at: file)
            let weir = try Weir(in: lab, rules: rules, options: options(index, file.path))
            // As if for logrotate.
            try FileManager.default.moveItem(at: file, to: lab.directory.appending(path: "file.1"))
            try FileManager.default.createSymbolicLink(at: file, withDestinationURL: other)
            weir.signal(SIGHUP)
            #expect(eventually(within: .seconds(10)) { weir.log.contains("the rules are as they were") })
            let wiretap = try Wiretap(lab)
            _ = try wiretap.send(Self.probe, from: .near)
            sleep(for: .milliseconds(1500))
            #expect(try String(contentsOf: other, encoding: .utf8) == content)
            // It is said which file takes nothing, and why.
            let missing = index == 1 ? "events are missing in their file" : "frames are missing in the capture"
            #expect(
                eventually(within: .seconds(5)) {
                    weir.log.contains("\(missing): \(file.path) can't be opened: it is a symbolic link, which Weir does not follow")
                }, "\(weir.log)")
            try FileManager.default.removeItem(at: file)
            // Opened again once a second, when there is something to write.
            #expect(
                try eventually(within: .seconds(10), every: .milliseconds(300)) {
                    _ = try wiretap.send(Self.probe, from: .near)
                    return (try? Data(contentsOf: file).isEmpty) == false
                })
            #expect(weir.stop().status == 0)
            #expect(try String(contentsOf: other, encoding: .utf8) == content)
        }
    }
}
