import CLinux
import Glibc
public import PacketIO

/// The ingress program of a guard that is made of tc filters: it carries flows and joins the ports as that of a `TCXGuard` does, on kernels
/// before 6.6.
public struct IngressProgram: Sendable {
    private let counters: BPFMap
    private let program: BPFProgram
    /// It hands frames of carried flows to the other port.
    public let carries: Bool

    /// The descriptor for `FilterGuard`, valid as long as this is held.
    public var number: Int32 { program.number }

    /// Loads the program. Needs CAP_BPF and CAP_NET_ADMIN, and Linux 5.12 for carrying.
    public init(on link: Link, flows: FlowMaps?, join: PortJoin?) throws(SystemCallError) {
        carries = flows != nil
        counters = try BPFMap(
            .perProcessorArray, valueSize: 8, capacity: GuardProgram.Counter.allCases.count, name: GuardProgram.countersName)
        let instructions: [weir_bpf_instruction]
        do throws(AssemblyError) {
            instructions = try GuardProgram.instructions(.ingress, of: link.index, counters: counters, note: nil, flows: flows, join: join)
        } catch {
            throw SystemCallError(call: "assemble the guard", code: EINVAL, detail: "\(error)")
        }
        program = try BPFProgram(.trafficControl, instructions, name: GuardProgram.name(.ingress))
    }

    /// Why a guard's ingress program can neither carry nor join on an interface: an older kernel, or capabilities that are missing; nil if
    /// it can, be it a TCX program or a filter's.
    public static func obstacle(on link: Link) -> SystemCallError? {
        guard TCXGuard.obstacle(on: link) != nil else { return nil }
        do throws(SystemCallError) {
            _ = try IngressProgram(on: link, flows: nil, join: try PortJoin())
            return nil
        } catch {
            return error
        }
    }

    /// What the program has counted; nothing of what leaves.
    public func counts() throws(SystemCallError) -> TCXGuard.Counts {
        TCXGuard.Counts(
            received: try TCXGuard.sum(.received, in: counters), silenced: nil, carried: try TCXGuard.sum(.carried, in: counters),
            unseen: try TCXGuard.sum(.unseen, in: counters), joined: try TCXGuard.sum(.joined, in: counters))
    }

    /// What a filter's program does on the interface; nil if none stands there that would join. Needs CAP_SYS_ADMIN. Changes nothing.
    public static func joining(on link: Link) -> TCXGuard.Joining? {
        guard let id = FilterGuard.ingressProgram(on: link), let program = try? BPFProgram(id: id) else { return nil }
        return TCXGuard.joining(by: program, on: link)
    }
}
