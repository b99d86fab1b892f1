import CLinux
import Glibc

/// The rules at tc's two hooks of a port that take the kernel out of the path.
///
/// Ingress: every frame ends there, behind the packet socket's tap, so that the host neither answers nor routes what Weir
/// judges. Egress: only frames that carry Weir's mark leave, so that the host says nothing on the wire.
struct TrafficControl {
    /// On every frame that Weir sends (`SO_MARK`), and the handle of its filters, by which it knows its own after a crash.
    static let mark: UInt32 = 0x5765_6972

    /// TC_H_CLSACT with the minor numbers of its two hooks (include/uapi/linux/pkt_sched.h).
    enum Side: UInt32, CaseIterable {
        case ingress = 0xffff_fff2
        case egress = 0xffff_fff3
    }

    /// A filter as a dump shows it; `info` is preference and protocol as `tcm_info` packs them.
    struct Filter: Equatable {
        var kind: String
        var handle: UInt32
        var info: UInt32

        var preference: UInt32 { info >> 16 }
        var isOurs: Bool { handle == TrafficControl.mark && (kind == "bpf" || kind == "matchall") }
    }

    private static let clsact: UInt32 = 0xffff_fff1
    private static let everyProtocol = UInt32(UInt16(ETH_P_ALL).bigEndian)

    private let netlink: NetlinkSocket
    private let link: Link

    init(_ link: Link) throws(SystemCallError) {
        netlink = try NetlinkSocket()
        self.link = link
    }

    // MARK: qdisc

    /// The kind of qdisc at the ingress hook: `clsact`, `ingress`, or nil for none.
    func hookKind() throws(SystemCallError) -> String? {
        let request = NetlinkMessage(type: RTM_GETQDISC, header: tcmsg(link.index))
        for (_, payload) in try netlink.query(request, dump: true, "list the qdiscs of \(link.name)") {
            let reader = NetlinkReader(payload)
            guard let header = reader.value(as: tcmsg.self), header.tcm_ifindex == link.index, header.tcm_parent == Self.clsact else {
                continue
            }
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
    func filters(_ side: Side) throws(SystemCallError) -> [Filter] {
        let request = NetlinkMessage(type: RTM_GETTFILTER, header: tcmsg(link.index, parent: side.rawValue))
        return try netlink.query(request, dump: true, "list the filters of \(link.name)").compactMap { _, payload in
            let reader = NetlinkReader(payload)
            // An entry without a handle stands for the whole preference, before its filters.
            guard let header = reader.value(as: tcmsg.self), header.tcm_handle != 0 else { return nil }
            let kind = reader.attributes(after: MemoryLayout<tcmsg>.size).first { $0.type == Int(TCA_KIND) }
            return Filter(
                kind: kind.map { NetlinkReader.string($0.content) } ?? "", handle: header.tcm_handle, info: header.tcm_info)
        }
    }

    /// Drops every frame that comes in: by `matchall` with `gact` where the kernel has them, else by a classic program.
    func addIngressDrop(preference: UInt32) throws(SystemCallError) {
        do {
            var request = filterMessage(.ingress, preference: preference)
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
            try addProgram(.ingress, preference: preference, [.return(UInt32(bitPattern: TC_ACT_SHOT))])
        }
    }

    /// Lets only marked frames out.
    func addEgressSilence(preference: UInt32) throws(SystemCallError) {
        try addProgram(
            .egress, preference: preference,
            [
                .load(ancillary: UInt32(SKF_AD_MARK)),
                .jumpIfEqual(Self.mark, then: 0, else: 1),
                .return(UInt32(bitPattern: TC_ACT_UNSPEC)),
                .return(UInt32(bitPattern: TC_ACT_SHOT)),
            ])
    }

    private func addProgram(_ side: Side, preference: UInt32, _ program: [sock_filter]) throws(SystemCallError) {
        var request = filterMessage(side, preference: preference)
        request.attribute(TCA_KIND, string: "bpf")
        request.nest(TCA_OPTIONS) { options in
            options.attribute(TCA_BPF_OPS_LEN, UInt16(truncatingIfNeeded: program.count))
            options.attribute(TCA_BPF_OPS, bytes: program.withUnsafeBytes { [UInt8]($0) })
            options.attribute(TCA_BPF_NAME, string: side == .ingress ? "weir-ingress-drop" : "weir-egress-silence")
            options.attribute(TCA_BPF_FLAGS, UInt32(TCA_BPF_FLAG_ACT_DIRECT))
        }
        try netlink.request(request, flags: NLM_F_CREATE | NLM_F_EXCL, "add a bpf filter to \(link.name)")
    }

    func remove(_ filter: Filter, _ side: Side) throws(SystemCallError) {
        var request = NetlinkMessage(
            type: RTM_DELTFILTER,
            header: tcmsg(link.index, parent: side.rawValue, handle: filter.handle, info: filter.info))
        request.attribute(TCA_KIND, string: filter.kind)
        try netlink.request(request, "remove Weir's filter from \(link.name)")
    }

    private func filterMessage(_ side: Side, preference: UInt32) -> NetlinkMessage {
        NetlinkMessage(
            type: RTM_NEWTFILTER,
            header: tcmsg(
                link.index, parent: side.rawValue, handle: Self.mark, info: preference << 16 | Self.everyProtocol))
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
