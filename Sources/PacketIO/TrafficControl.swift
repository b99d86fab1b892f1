import CLinux
import Glibc

/// The rules at tc's two hooks of a port that take the kernel out of the path.
///
/// Ingress: every frame ends there, after the packet socket's tap, so that the host neither answers nor routes what Weir
/// judges. Egress: only frames with the mark of this port (`SendMark`) leave, so that the host says nothing on the wire.
struct TrafficControl {
    /// The handle of Weir's filters, by which it knows its own after a crash; the next number is Weir's too.
    static let handle: UInt32 = 0x5765_6972

    /// TC_H_CLSACT with the minor number of a hook (include/uapi/linux/pkt_sched.h).
    private static func parent(_ side: HookSide) -> UInt32 { side == .ingress ? 0xffff_fff2 : 0xffff_fff3 }

    /// A filter as a dump shows it; `info` is preference and protocol as `tcm_info` packs them.
    struct Filter: Equatable {
        var kind: String
        var handle: UInt32
        var info: UInt32
        /// A classic program's instructions as they lie in memory.
        var program: [UInt8] = []
        /// The number of an eBPF program; nil for a classic one.
        var programID: UInt32?

        /// Filters of others than 0 run only where one of chain 0 says so.
        var chain: UInt32 = 0

        var preference: UInt32 { info >> 16 }
        /// A classic program for all protocols, beside which others of the same preference can stand; the newest runs first
        /// (net/sched/cls_bpf.c).
        var isSharedProgram: Bool { kind == "bpf" && info & 0xffff == TrafficControl.everyProtocol }
        var isOurs: Bool { handle | 1 == TrafficControl.handle | 1 && (kind == "bpf" || kind == "matchall") }
    }

    /// Where a filter of ours stands.
    struct Place: Equatable {
        var preference: UInt32
        /// `TrafficControl.handle`, or the next number: two of ours can be there while one takes over from the other.
        var handle: UInt32
        /// There are classic programs of this preference, ours or of others.
        var sharesWithPrograms: Bool
    }

    private static let clsact: UInt32 = 0xffff_fff1
    fileprivate static let everyProtocol = UInt32(UInt16(ETH_P_ALL).bigEndian)

    private let netlink: NetlinkSocket
    private let link: Link

    init(_ link: Link) throws(SystemCallError) {
        netlink = try NetlinkSocket()
        self.link = link
    }

    // MARK: qdisc

    /// The kind of qdisc at the ingress hook: `clsact`, `ingress`, or nil for none.
    func hookKind() throws(SystemCallError) -> String? { try kind(ofQdiscAt: Self.clsact) }

    /// The kind of the qdisc that frames wait in on their way out, or nil for none.
    func rootKind() throws(SystemCallError) -> String? { try kind(ofQdiscAt: 0xffff_ffff) }

    private func kind(ofQdiscAt parent: UInt32) throws(SystemCallError) -> String? {
        let request = NetlinkMessage(type: RTM_GETQDISC, header: tcmsg(link.index))
        for (_, payload) in try netlink.query(request, dump: true, "list the qdiscs of \(link.name)") {
            let reader = NetlinkReader(payload)
            guard let header = reader.value(as: tcmsg.self), header.tcm_ifindex == link.index, header.tcm_parent == parent else { continue }
            return reader.attributes(after: MemoryLayout<tcmsg>.size).first { $0.type == Int(TCA_KIND) }
                .map { NetlinkReader.string($0.content) }
        }
        return nil
    }

    func addClsact() throws(SystemCallError) {
        var request = NetlinkMessage(type: RTM_NEWQDISC, header: tcmsg(link.index, parent: Self.clsact, handle: 0xffff_0000))
        request.attribute(TCA_KIND, string: "clsact")
        try netlink.request(request, flags: NLM_F_CREATE | NLM_F_EXCL, "add a clsact qdisc to \(link.name)")
    }

    func removeClsact() throws(SystemCallError) {
        var request = NetlinkMessage(type: RTM_DELQDISC, header: tcmsg(link.index, parent: Self.clsact, handle: 0xffff_0000))
        request.attribute(TCA_KIND, string: "clsact")
        try netlink.request(request, "remove the clsact qdisc of \(link.name)")
    }

    // MARK: filters

    /// All filters of a hook, ours among them.
    func filters(_ side: HookSide) throws(SystemCallError) -> [Filter] {
        let request = NetlinkMessage(type: RTM_GETTFILTER, header: tcmsg(link.index, parent: Self.parent(side)))
        return try netlink.query(request, dump: true, "list the filters of \(link.name)").compactMap { _, payload in
            let reader = NetlinkReader(payload)
            // An entry without a handle stands for the whole preference, before its filters.
            guard let header = reader.value(as: tcmsg.self), header.tcm_handle != 0 else { return nil }
            let attributes = reader.attributes(after: MemoryLayout<tcmsg>.size)
            let kind = attributes.first { $0.type == Int(TCA_KIND) }.map { NetlinkReader.string($0.content) } ?? ""
            var filter = Filter(kind: kind, handle: header.tcm_handle, info: header.tcm_info)
            let chain = attributes.first { $0.type == Int(TCA_CHAIN) }
            filter.chain = chain.flatMap { NetlinkReader($0.content).value(as: UInt32.self) } ?? 0
            if kind == "bpf", let options = attributes.first(where: { $0.type == Int(TCA_OPTIONS) }) {
                let members = NetlinkReader(options.content).attributes(after: 0)
                filter.program = members.first { $0.type == Int(TCA_BPF_OPS) }.map { Array($0.content) } ?? []
                filter.programID = members.first { $0.type == Int(TCA_BPF_ID) }.flatMap { NetlinkReader($0.content).value(as: UInt32.self) }
            }
            return filter
        }
    }

    /// Drops every frame that comes in: by `matchall` with `gact` where the kernel has them, else by a classic program. The
    /// filters of one preference are of one kind.
    func addIngressDrop(_ place: Place) throws(SystemCallError) {
        if place.sharesWithPrograms { return try addIngressProgram(place) }
        do {
            var request = filterMessage(.ingress, place)
            request.attribute(TCA_KIND, string: "matchall")
            request.nest(TCA_OPTIONS) { options in
                options.nest(TCA_MATCHALL_ACT) { actions in
                    actions.nest(1) { action in
                        action.attribute(TCA_ACT_KIND, string: "gact")
                        action.nest(TCA_ACT_OPTIONS) { parameters in
                            var drop = tc_gact()
                            drop.action = TC_ACT_SHOT
                            parameters.attribute(TCA_GACT_PARMS, drop)
                        }
                    }
                }
            }
            try netlink.request(request, flags: NLM_F_CREATE | NLM_F_EXCL, "add a matchall drop filter to \(link.name)")
        } catch  where error.code == ENOENT || error.code == EOPNOTSUPP {
            // No cls_matchall or no act_gact in this kernel.
            try addIngressProgram(place)
        }
    }

    /// Has an eBPF program decide on every frame that comes in.
    func addIngressProgram(_ place: Place, _ program: Int32) throws(SystemCallError) {
        var request = filterMessage(.ingress, place)
        request.attribute(TCA_KIND, string: "bpf")
        request.nest(TCA_OPTIONS) { options in
            options.attribute(TCA_BPF_FD, UInt32(bitPattern: program))
            options.attribute(TCA_BPF_NAME, string: "weir-ingress")
            options.attribute(TCA_BPF_FLAGS, UInt32(TCA_BPF_FLAG_ACT_DIRECT))
        }
        try netlink.request(request, flags: NLM_F_CREATE | NLM_F_EXCL, "add a bpf filter to \(link.name)")
    }

    private func addIngressProgram(_ place: Place) throws(SystemCallError) {
        try addProgram(.ingress, place, [.return(UInt32(bitPattern: TC_ACT_SHOT))])
    }

    /// Lets only frames of this port's mark out, and has a note. A classic program can't take the mark off.
    func addEgressSilence(_ place: Place, note: [UInt8]) throws(SystemCallError) {
        let silence: [sock_filter] = [
            .load(ancillary: UInt32(SKF_AD_MARK)),
            .jumpIfEqual(SendMark.of(link.index), then: 0, else: 1),
            .return(UInt32(bitPattern: TC_ACT_UNSPEC)),
            .return(UInt32(bitPattern: TC_ACT_SHOT)),
        ]
        try addProgram(.egress, place, silence + FilterNote.instructions(note))
    }

    private func addProgram(_ side: HookSide, _ place: Place, _ program: [sock_filter]) throws(SystemCallError) {
        var request = filterMessage(side, place)
        request.attribute(TCA_KIND, string: "bpf")
        request.nest(TCA_OPTIONS) { options in
            options.attribute(TCA_BPF_OPS_LEN, UInt16(truncatingIfNeeded: program.count))
            options.attribute(TCA_BPF_OPS, bytes: program.withUnsafeBytes { [UInt8]($0) })
            options.attribute(TCA_BPF_NAME, string: side == .ingress ? "weir-ingress-drop" : "weir-egress-silence")
            options.attribute(TCA_BPF_FLAGS, UInt32(TCA_BPF_FLAG_ACT_DIRECT))
        }
        try netlink.request(request, flags: NLM_F_CREATE | NLM_F_EXCL, "add a bpf filter to \(link.name)")
    }

    func remove(_ filter: Filter, _ side: HookSide) throws(SystemCallError) {
        var request = NetlinkMessage(
            type: RTM_DELTFILTER,
            header: tcmsg(link.index, parent: Self.parent(side), handle: filter.handle, info: filter.info))
        request.attribute(TCA_KIND, string: filter.kind)
        try netlink.request(request, "remove Weir's filter from \(link.name)")
    }

    private func filterMessage(_ side: HookSide, _ place: Place) -> NetlinkMessage {
        NetlinkMessage(
            type: RTM_NEWTFILTER,
            header: tcmsg(
                link.index, parent: Self.parent(side), handle: place.handle, info: place.preference << 16 | Self.everyProtocol))
    }
}

extension tcmsg {
    init(_ index: Int32, parent: UInt32 = 0, handle: UInt32 = 0, info: UInt32 = 0) {
        self.init()
        tcm_ifindex = index
        tcm_parent = parent
        tcm_handle = handle
        tcm_info = info
    }
}
