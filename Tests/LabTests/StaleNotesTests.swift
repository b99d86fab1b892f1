import Foundation
import Testing

extension UntimedLabTests {
    /// What killed runs have noted about ports that others deleted before the next start.
    @Suite("Stale notes", .needsWeir)
    struct StaleNotesTests {
        private static func notes(_ lab: Lab, _ folder: String = "state") throws -> Set<String> {
            Set(try FileManager.default.contentsOfDirectory(atPath: lab.directory.appending(path: folder).path))
        }

        private static func index(_ port: String, _ lab: Lab) throws -> String {
            try lab.require(in: .fw, "cat /sys/class/net/\(port)/ifindex").trimmingCharacters(in: .whitespacesAndNewlines)
        }

        @Test("a note about a port that was deleted while Weir was dead is removed by the next start", arguments: GuardKind.allCases)
        func deleted(kind: GuardKind) throws {
            let lab = try Lab()
            try Weir(in: lab, guard: kind).stop(SIGKILL)
            let index = try Self.index("eth2", lab)
            #expect(try Self.notes(lab).count == 2)
            try lab.require(in: .fw, "ip link delete eth2")
            try lab.layFarCable()
            let folder = lab.directory.appending(path: "state").path
            let doctor = try lab.run(in: .fw, [Weir.binary, "doctor", "--ports", "eth1,eth2", "--state-directory", folder])
            #expect(doctor.output.contains("interface \(index) is gone"), "\(doctor.output)")
            let next = try Weir(in: lab, guard: kind)
            let said = "interface \(index) is gone, which a run that was killed had as a port; its note"
            #expect(eventually(within: .seconds(5)) { next.log.contains(said) }, "\(next.log)")
            #expect(try Self.notes(lab).count == 2)
            #expect(next.stop().status == 0)
            #expect(try Self.notes(lab) == [])
        }

        @Test("a note about a port that has moved to another namespace stays, and serves when it is back")
        func moved() throws {
            let lab = try Lab()
            let before = try lab.state(of: "eth2")
            // Without programs of Weir's, which move too and have their own note.
            try Weir(in: lab, guard: .filters).stop(SIGKILL)
            let known = try Self.notes(lab)
            try lab.require(in: .fw, "ip link set eth2 netns \(lab.namespace(of: .near))")
            try lab.require(in: .fw, "ip link add eth2 type veth peer name other0 netns \(lab.namespace(of: .far))")
            try lab.require(in: .fw, "ip link set eth2 up")
            let next = try Weir(in: lab, guard: .filters)
            #expect(try Self.notes(lab).isSuperset(of: known), "\(next.log)")
            #expect(next.stop().status == 0)
            #expect(try Self.notes(lab).count == 1)
            try lab.require(in: .fw, "ip link delete eth2")
            try lab.require(in: .near, "ip link set eth2 netns \(lab.namespace(of: .fw))")
            try lab.require(in: .fw, "ip link set eth2 up")
            let last = try Weir(in: lab, guard: .filters)
            #expect(last.stop().status == 0)
            #expect(try lab.state(of: "eth2") == before)
            #expect(try Self.notes(lab) == [], "\(last.log)")
        }

        @Test("notes of other network namespaces in the same folder stay")
        func foreign() throws {
            let (lab, other) = (try Lab(), try Lab())
            let folder = lab.directory.appending(path: "state").path
            try Weir(in: lab).stop(SIGKILL)
            let known = try Self.notes(lab)
            try lab.require(in: .fw, "ip link delete eth2")
            let second = try Weir(in: other, options: ["--state-directory", folder])
            #expect(try Self.notes(lab).count == 4)
            #expect(second.stop().status == 0)
            #expect(try Self.notes(lab) == known, "\(second.log)")
        }
    }
}
