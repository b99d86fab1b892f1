import Appliance
import Foundation
import Testing

@Suite struct MachineMemoryTests {
    private static let meminfo = "MemTotal:        2000000 kB\nMemFree:          100000 kB\nMemAvailable:    1500000 kB\n"

    /// Lines of mountinfo: the hierarchies where they usually are.
    private static let second = "41 31 0:38 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n"
    private static let first = "35 31 0:32 / /sys/fs/cgroup/memory rw shared:5 - cgroup cgroup rw,memory\n"
    /// A group as the first process sees it (proc_pid_root(5)).
    private static let groupOfFirst = ["proc", "1", "root", "sys/fs/cgroup/memory/a"].joined(separator: "/")

    /// Files under /proc and /sys, and what they leave.
    private static let machines: [(description: String, files: [String: String], total: Int, available: Int)] = [
        ("no control groups", [:], 2_000_000 << 10, 1_500_000 << 10),
        (
            "version 2, a limit in a group above",
            [
                "proc/self/cgroup": "0::/system.slice/weir.service\n", "proc/self/mountinfo": second,
                "sys/fs/cgroup/system.slice/memory.max": "104857600\n", "sys/fs/cgroup/system.slice/memory.current": "60000000\n",
                "sys/fs/cgroup/system.slice/memory.stat": "anon 1\ninactive_file 10000000\n",
                "sys/fs/cgroup/system.slice/weir.service/memory.max": "max\n",
                "sys/fs/cgroup/system.slice/weir.service/memory.current": "50000000\n",
            ], 104_857_600, 54_857_600
        ),
        (
            "version 2, in a container",
            [
                "proc/self/cgroup": "0::/\n", "proc/self/mountinfo": second, "sys/fs/cgroup/memory.max": "1000\n",
                "sys/fs/cgroup/memory.current": "5000\n",
            ],
            1000, 0
        ),
        (
            "version 1",
            [
                "proc/self/cgroup": "9:name=systemd:/\n5:cpu,memory:/a\n", "proc/self/mountinfo": first,
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "7\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "500000000\n",
                "sys/fs/cgroup/memory/a/memory.usage_in_bytes": "100000000\n",
                "sys/fs/cgroup/memory/a/memory.stat": "inactive_file 5\ntotal_inactive_file 30000000\n",
            ], 500_000_000, 430_000_000
        ),
        (
            "version 2, elsewhere, and only a part of it",
            [
                "proc/self/cgroup": "0::/a/b/c\n",
                "proc/self/mountinfo": "7 6 0:38 /other /x rw - cgroup2 none rw\n8 6 0:38 /a/b /groups rw - cgroup2 none rw\n",
                "groups/memory.max": "9000\n", "groups/memory.current": "1000\n", "groups/c/memory.max": "8000\n",
                "groups/c/memory.current": "500\n",
            ], 8000, 7500
        ),
        (
            "version 1, seen only by the first process, as in ip netns exec",
            [
                "proc/self/cgroup": "5:memory:/a\n", "proc/self/mountinfo": "304 301 0:40 / /sys rw - sysfs lab rw\n",
                "proc/1/mountinfo": first, "\(groupOfFirst)/memory.limit_in_bytes": "5000\n",
                "\(groupOfFirst)/memory.usage_in_bytes": "1000\n",
            ], 5000, 4000
        ),
        (
            "a group that can't be seen: a quarter", ["proc/self/cgroup": "4:memory:/a\n0::/\n"], 2_000_000 << 10, 375_000 << 10
        ),
        (
            "no numbers", ["proc/self/cgroup": "x\n0::/b\n", "proc/self/mountinfo": second, "sys/fs/cgroup/b/memory.max": "\n"],
            2_000_000 << 10, 1_500_000 << 10
        ),
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
        #expect((memory.unseenGroup != nil) == machine.description.contains("can't be seen"))
        #expect(memory.total == machine.total && memory.available == machine.available, "\(machine.description): \(memory)")
    }

    @Test func nothingIsKnownWithoutProc() {
        #expect(MachineMemory(root: "/nonexistent") == nil)
    }
}

@Suite struct StartMemoryTests {
    /// MiB of connections, fragments and rings, what the control group and the machine have left, and what the refusal says.
    @Test(
        arguments: [
            (0, 8, 16, 64, 1000, nil), (40, 8, 16, 64, 1000, nil), (60, 8, 16, 64, 1000, "the tables of connections take 60 MiB"),
            (60, 8, 16, 64, 1000, "held fragments up to 8 MiB, and 64 MiB may be taken"),
            (0, 62, 16, 64, 1000, "held fragments up to 62 MiB"),
            // No control group counts rings.
            (0, 8, 900, 64, 1000, nil),
            (0, 8, 990, 64, 1000, "for the receive rings: they take 990 MiB, and the machine has 1000 MiB left"),
        ] as [(Int, Int, Int, Int, Int, String?)])
    func aStartThatLacksMemoryIsRefused(
        _ connections: Int, _ fragments: Int, _ rings: Int, _ group: Int, _ machine: Int, _ refusal: String?
    ) throws {
        var memory = try #require(MachineMemory())
        memory.available = group << 20
        memory.machineAvailable = machine << 20
        let problem = StartMemory(connections: connections << 20, fragments: fragments << 20, rings: rings << 20).problem(within: memory)
        #expect((problem == nil) == (refusal == nil))
        if let refusal { #expect(problem?.description.contains(refusal) == true, "\(problem?.description ?? "")") }
    }
}
