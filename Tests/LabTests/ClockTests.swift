import Foundation
import Testing

extension LabTests {
    /// Whoever sets the clock, or forges the times of frames, changes nothing but what is written down.
    @Suite("Clocks", .needsWeir)
    struct ClockTests {
        @Test("senders are told that packets are too big, also after the clock was set back by an hour")
        func tooBigAnswers() throws {
            let lab = try Lab(bare: true)
            for command in [
                "ip link add p0 mtu 2000 type veth peer name p1 mtu 2000", "sysctl -qw net.ipv6.conf.p0.disable_ipv6=1",
                "ip link set p0 up", "ip link set p1 up",
            ] { try lab.require(in: .fw, command) }
            let drops = lab.directory.appending(path: "drops.pcapng")
            let rules = try lab.write(Weir.chain(["udp dport 9 drop"]), to: "rules.nft")
            let weir = try Weir.launch(in: lab, rules: rules, options: ["--ports", "p1,eth2", "--drops", drops.path])
            #expect(eventually(within: .seconds(30)) { weir.errorText.contains("forwarding between p1 and eth2") }, "\(weir.errorText)")
            guard let script = Bundle.module.url(forResource: "Support/forgedtime", withExtension: "py") else {
                throw CommandFailure(description: "Support/forgedtime.py is not among the test's resources")
            }
            let answers = try lab.require(in: .fw, "/usr/bin/python3 \(script.path) p0 02:77:00:00:00:02")
            #expect(answers == "11\n", "\(weir.errorText)")
            weir.signal(SIGTERM)
            #expect(weir.wait(limit: .seconds(15)) == 0)
            // The premise: the frames did come with such times.
            let times = try Command.require([
                "tshark", "-r", drops.path, "-Y", "udp.dstport == 9", "-T", "fields", "-e", "frame.time_epoch",
            ]).lines.compactMap(Double.init)
            #expect(times.count == 1 && times.allSatisfy { $0 > Date().timeIntervalSince1970 + 3000 }, "\(times)")
        }
    }
}
