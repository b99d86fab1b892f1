import Foundation
import Testing

/// What the lab needs of the machine. Elsewhere its tests are skipped and say why; in CI nothing is skipped.
enum Requirements {
    static let isCI = ProcessInfo.processInfo.environment["CI"] != nil

    /// Traffic goes over the kernel's bridge instead of Weir ($LAB_MIDDLE is "bridge"): shows whether a test expects of
    /// Weir what the test bed itself can't do. Tests of Weir's own ways are skipped then.
    static let middleIsBridge = ProcessInfo.processInfo.environment["LAB_MIDDLE"] == "bridge"

    /// One sentence for each thing that is not there.
    static let missing: [String] = {
        var missing: [String] = []
        if geteuid() != 0 { missing.append("network namespaces need root") }
        let path = (ProcessInfo.processInfo.environment["PATH"] ?? "") + ":/usr/sbin:/sbin"
        let directories: [Substring] = path.split(separator: ":")
        let tools = [
            "ip", "tc", "nft", "bridge", "ping", "arping", "curl", "iperf3", "ethtool", "tcpdump", "trafgen", "setpriv", "unshare",
            "dnsmasq",
            "dig", "ntpd", "ntpdig", "traceroute", "nmap", "hping3", "tshark", "capinfos", "editcap", "mergecap", "conntrack",
        ]
        for tool in tools {
            let isThere = directories.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(tool)") }
            if !isThere { missing.append("\(tool) is not installed (tools/setup)") }
        }
        if !FileManager.default.fileExists(atPath: "/usr/lib/python3/dist-packages/scapy") {
            missing.append("python3-scapy is not installed (tools/setup)")
        }
        if !middleIsBridge, !FileManager.default.isExecutableFile(atPath: Weir.binary) {
            missing.append("\(Weir.binary) is not built")
        }
        return missing
    }()

    static var comment: Comment { "the lab is not possible here: \(missing.joined(separator: "; "))" }
}

/// What needs namespaces and looks at the clock, at load or at frames lost under load: one test at a time, and nothing else beside it.
@Suite("Lab", .serialized, .enabled(if: Requirements.missing.isEmpty || Requirements.isCI, Requirements.comment))
struct LabTests {
    @Test("the machine has what the lab needs")
    func requirements() {
        #expect(Requirements.missing.isEmpty)
    }
}

/// What needs namespaces, and doesn't mind others at work: most of its time it waits. `tools/test` runs several of these suites side by
/// side, each in a process of its own, and each lab has names of its own.
@Suite("Lab without a clock", .serialized, .enabled(if: Requirements.missing.isEmpty || Requirements.isCI, Requirements.comment))
struct UntimedLabTests {}

extension Trait where Self == ConditionTrait {
    /// For tests of what a bridge has not.
    static var needsWeir: Self { .disabled(if: Requirements.middleIsBridge, "this is about Weir, and a bridge is in the middle") }
}

extension Lab {
    /// Weir between the ports, or the bridge if that is to take its place.
    func startMiddle(rules: String = Weir.passAll, workers: Int = 1, options: [String] = []) throws -> Weir? {
        try startMiddle(rules: write(rules, to: "rules.nft"), workers: workers, options: options)
    }

    /// The same with a rule file.
    func startMiddle(rules: URL, workers: Int = 1, options: [String] = []) throws -> Weir? {
        if Requirements.middleIsBridge {
            try startBridge(rules: rules)
            return nil
        }
        return try Weir(in: self, rules: rules, workers: workers, options: options)
    }
}
