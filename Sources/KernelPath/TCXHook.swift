import CLinux
import Glibc
public import PacketIO

/// One of the two lists of TCX programs of an interface (Linux 6.6; kernel/bpf/tcx.c). They run before the filters of tc, in
/// the list's order, until one answers something else than `next`.
public struct TCXHook: Sendable {
    /// What a program answers (enum tcx_action_base).
    public enum Answer {
        /// The next program, and after the last one tc's filters, decide.
        public static let next: Int32 = -1
        public static let pass: Int32 = 0
        public static let drop: Int32 = 2
    }

    /// The list at one moment.
    public struct Listing: Sendable, Equatable {
        /// The programs' numbers, the first to run first.
        public var programs: [UInt32]
        /// Changes with every change of the list.
        public var revision: UInt64
    }

    /// `BPF_F_BEFORE`; without another program named it means the head of the list.
    private static let before: UInt32 = 1 << 3
    /// `BPF_F_REPLACE`.
    private static let replace: UInt32 = 1 << 2
    /// The list's own limit (BPF_MPROG_MAX).
    private static let limit = 64

    public let link: Link
    public let side: HookSide

    public init(_ link: Link, _ side: HookSide) {
        self.link = link
        self.side = side
    }

    /// With `WEIR_WITHOUT=tcx` in the environment, which is for tests, the kernel counts as one without TCX.
    private static let isHidden = getenv("WEIR_WITHOUT").map { String(cString: $0) } == "tcx"

    /// The programs and their order. Needs CAP_NET_ADMIN. EINVAL from a kernel that has no TCX, ENODEV if the interface is gone.
    public func listing() throws(SystemCallError) -> Listing {
        if Self.isHidden { throw SystemCallError(call: "list the TCX programs of \(link.name)", code: EINVAL) }
        var programs = [UInt32](repeating: 0, count: Self.limit)
        var attributes = weir_bpf_query()
        let failure = programs.withUnsafeMutableBytes { programs -> SystemCallError? in
            attributes.target_ifindex = UInt32(bitPattern: link.index)
            attributes.attach_type = side.attachType
            attributes.prog_ids = address(programs.baseAddress)
            attributes.count = UInt32(Self.limit)
            do throws(SystemCallError) {
                try bpf(.programQuery, &attributes, "list the TCX programs of \(link.name)")
                return nil
            } catch {
                return error
            }
        }
        // An interface that never had one has no list.
        if let failure {
            if failure.code == ENOENT { return Listing(programs: [], revision: 1) }
            throw failure
        }
        return Listing(programs: [UInt32](programs.prefix(Int(attributes.count))), revision: attributes.revision)
    }

    /// Attaches a program at the head of the list. It stays there when the process ends, until somebody detaches it or the
    /// interface goes.
    public func attachFirst(_ program: BPFProgram) throws(SystemCallError) {
        var attributes = weir_bpf_attach()
        attributes.target_ifindex = UInt32(bitPattern: link.index)
        attributes.attach_bpf_fd = UInt32(bitPattern: program.number)
        attributes.attach_type = side.attachType
        attributes.attach_flags = Self.before
        try bpf(.programAttach, &attributes, "attach a TCX program to \(link.name)")
    }

    /// Puts a program into the place of another one in the list, without a moment in which both or neither are there (`BPF_F_REPLACE`).
    public func replace(_ old: BPFProgram, with program: BPFProgram) throws(SystemCallError) {
        var attributes = weir_bpf_attach()
        attributes.target_ifindex = UInt32(bitPattern: link.index)
        attributes.attach_bpf_fd = UInt32(bitPattern: program.number)
        attributes.attach_type = side.attachType
        attributes.attach_flags = Self.replace
        attributes.replace_bpf_fd = UInt32(bitPattern: old.number)
        try bpf(.programAttach, &attributes, "replace a TCX program of \(link.name)")
    }

    /// Takes a program off the list; that it isn't there is no error.
    public func detach(_ program: BPFProgram) throws(SystemCallError) {
        var attributes = weir_bpf_attach()
        attributes.target_ifindex = UInt32(bitPattern: link.index)
        attributes.attach_bpf_fd = UInt32(bitPattern: program.number)
        attributes.attach_type = side.attachType
        do throws(SystemCallError) {
            try bpf(.programDetach, &attributes, "detach a TCX program from \(link.name)")
        } catch  where error.code == ENOENT || error.code == ENODEV {
            // Gone already, by itself or with its interface.
        }
    }
}

extension HookSide {
    /// `BPF_TCX_INGRESS` and `BPF_TCX_EGRESS` (enum bpf_attach_type).
    var attachType: UInt32 { self == .ingress ? 46 : 47 }
}
