import Appliance
import Foundation
import Testing

@Suite struct MachineMemoryTests {
    private static let meminfo = "MemTotal:        2000000 kB\nMemFree:          100000 kB\nMemAvailable:    1500000 kB\n"

    /// Files under /proc and /sys, and what they leave.
    private static let machines: [(description: String, files: [String: String], total: Int, available: Int)] = [
        ("no control groups", [:], 2_000_000 << 10, 1_500_000 << 10),
        (
            "version 2, a limit in a group above",
            [
                "proc/self/cgroup": "0::/system.slice/weir.service\n",
                "sys/fs/cgroup/system.slice/memory.max": "104857600\n", "sys/fs/cgroup/system.slice/memory.current": "60000000\n",
                "sys/fs/cgroup/system.slice/memory.stat": "anon 1\ninactive_file 10000000\n",
                "sys/fs/cgroup/system.slice/weir.service/memory.max": "max\n",
                "sys/fs/cgroup/system.slice/weir.service/memory.current": "50000000\n",
            ], 104_857_600, 54_857_600
        ),
        (
            "version 2, in a container",
            ["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1000\n", "sys/fs/cgroup/memory.current": "5000\n"],
            1000, 0
        ),
        (
            "version 1",
            [
                "proc/self/cgroup": "9:name=systemd:/\n5:cpu,memory:/a\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "7\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "500000000\n",
                "sys/fs/cgroup/memory/a/memory.usage_in_bytes": "100000000\n",
                "sys/fs/cgroup/memory/a/memory.stat": "inactive_file 5\ntotal_inactive_file 30000000\n",
            ], 500_000_000, 430_000_000
        ),
        ("no numbers", ["proc/self/cgroup": "x\n0::/b\n", "sys/fs/cgroup/b/memory.max": "\n"], 2_000_000 << 10, 1_500_000 << 10),
    ]

    @Test("what may be taken is what the machine and the control groups leave", arguments: machines.indices)
    func left(_ index: Int) throws {
        let machine = Self.machines[index]
        let root = FileManager.default.temporaryDirectory.appending(path: "weir-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        for (path, text) in machine.files.merging(["proc/meminfo": Self.meminfo], uniquingKeysWith: { $1 }) {
            let file = root.appending(path: path)
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: file, atomically: false, encoding: .utf8)
        }
        let memory = try #require(MachineMemory(root: root.path))
        #expect(memory.total == machine.total && memory.available == machine.available, "\(machine.description): \(memory)")
    }

    @Test func nothingIsKnownWithoutProc() {
        #expect(MachineMemory(root: "/nonexistent") == nil)
    }
}
