import Glibc
import PacketIO
import Testing

@Suite struct PortLockTests {
    /// No interface has such an index.
    private static let index = Int32.max - getpid() % 1000

    @Test func oneHasIt() throws {
        do {
            let first = try PortLock(index: Self.index)
            #expect(first.index == Self.index)
            let refusal = #expect(throws: PortLock.Refusal.self) { _ = try PortLock(index: Self.index) }
            #expect(refusal == .held(PortLock.Holder(process: getpid(), user: geteuid())))
            let other = try PortLock(index: Self.index - 1000)
            #expect(other.index != first.index)
        }
        let next = try PortLock(index: Self.index)
        #expect(next.index == Self.index)
    }

    @Test(arguments: [(0, true), (geteuid(), true), (geteuid() &+ 1000, false)])
    func whoMayBeWeir(_ user: UInt32, _ mayBe: Bool) {
        #expect(PortLock.Holder(process: 1, user: user).mayBeWeir == mayBe)
    }
}
