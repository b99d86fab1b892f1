import Foundation
import Testing

extension UntimedLabTests {
    /// Metrics over HTTP, as Prometheus reads them.
    @Suite("Metrics", .needsWeir)
    struct MetricsTests {
        private static let promtool = ["/usr/bin/promtool", ProcessInfo.processInfo.environment["PROMTOOL"] ?? ""].first {
            FileManager.default.isExecutableFile(atPath: $0)
        }

        /// One of each kind of thing that counts.
        private static let rules = """
            table bridge filter {
                counter web { }
                set seen { type ipv4_addr; flags dynamic; size 100; }
                chain forward {
                    type filter hook forward priority 0; policy accept;
                    ct state invalid drop
                    udp dport 9 counter name web drop comment "no \\"discard\\""
                    add @seen { ip saddr }
                }
            }

            """

        @Test("ports, reasons, rules, connections and captures are there, with what they have come to")
        func samples() throws {
            let lab = try Lab(bare: true)
            let capture = lab.directory.appending(path: "drops.pcapng").path
            let weir = try Weir(
                in: lab, rules: Self.rules.replacing("\\\"discard\\\"", with: "discard"),
                options: ["--metrics", "127.0.0.1:9654", "--control", "off", "--drops", capture])
            try lab.require(in: .fw, "ip link set lo up")
            let wiretap = try Wiretap(lab)
            _ = try wiretap.send("near/near4/UDP(dport=9)/data(30)", from: .near)
            _ = try wiretap.send("near/near4/UDP(dport=10, chksum=0)/data(30)", from: .near, awaiting: 1)
            func get(_ words: String) throws -> String { try lab.require(in: .fw, "curl -s -m 5 \(words)") }
            let text = try get("http://127.0.0.1:9654/metrics")
            for line in [
                "weir_forwarding 1", "weir_port_received_frames_total{port=\"eth1\"} 2", "weir_port_sent_frames_total{port=\"eth2\"} 1",
                "weir_frames_total{reason=\"rule\"} 1", "weir_frames_total{reason=\"accept-by-policy\"} 1",
                "weir_rule_frames_total{table=\"bridge filter\",chain=\"forward\",rule=\"no discard\"} 1", "weir_flows 1",
                "weir_counter_packets_total{table=\"bridge filter\",name=\"web\"} 1",
                "weir_set_elements{table=\"bridge filter\",name=\"seen\"} 1",
                "weir_set_capacity{table=\"bridge filter\",name=\"seen\"} 100",
                "weir_ruleset_generation 0", "weir_port_mtu_bytes{port=\"eth1\"} 1500",
            ] { #expect(text.lines.contains(line), "\(line)") }
            #expect(text.contains("rules.nft:6\"} "), "\(text)")
            #expect(try get("-o /dev/null -w %{http_code} http://127.0.0.1:9654/") == "404")
            #expect(try get("-o /dev/null -w %{http_code} -X POST http://127.0.0.1:9654/metrics") == "405")
            #expect(try get("-I http://127.0.0.1:9654/metrics").hasPrefix("HTTP/1.1 200 OK"))
            // Who asks and never reads, or never asks, keeps nobody else from it.
            let deaf = try lab.start(
                in: .fw, ["bash", "-c", "for n in 1 2 3 4 5 6; do exec {fd}<>/dev/tcp/127.0.0.1/9654; done; sleep 60"])
            #expect(try get("http://127.0.0.1:9654/metrics").contains("weir_forwarding 1"))
            deaf.end()
            if let promtool = Self.promtool {
                let file = try lab.write(text, to: "metrics")
                let result = try Command.run(["bash", "-c", "\(promtool) check metrics < \(file.path)"])
                #expect(result.status == 0 && result.error.isEmpty && result.output.isEmpty, "\(result)")
            }
            #expect(weir.stop().status == 0)
        }
    }
}
