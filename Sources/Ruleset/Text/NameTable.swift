/// Names for numbers, both ways.
struct NameTable: Sendable {
    private var numbers: [String: UInt128] = [:]
    private var names: [UInt128: String] = [:]
    /// In the order in which the table was written.
    private(set) var allNames: [String] = []

    /// - Parameter text: `NUMBER NAME NAME …, NUMBER NAME …`; the first name of a number is the one that is printed, and the
    ///   first number of a name is the one it means.
    init(_ text: String) {
        for entry in text.split(separator: ",") {
            let words = entry.split { $0 == " " || $0 == "\n" }
            guard let first = words.first, let number = UInt128(first) else { continue }
            for word in words.dropFirst() {
                let name = String(word)
                if numbers[name] == nil {
                    numbers[name] = number
                    allNames.append(name)
                }
                if names[number] == nil { names[number] = name }
            }
        }
    }

    func number(of name: String) -> UInt128? { numbers[name] }
    func name(of number: UInt128) -> String? { names[number] }

    /// nft's `ether_type`.
    static let etherTypes = NameTable("2048 ip, 2054 arp, 34525 ip6, 33024 8021q vlan, 34984 8021ad")

    /// RFC 826, RFC 903, RFC 2390, RFC 1577.
    static let arpOperations = NameTable("1 request, 2 reply, 3 rrequest, 4 rreply, 8 inrequest, 9 inreply, 10 nak")

    /// RFC 792, RFC 1256, RFC 950.
    static let icmpTypes = NameTable(
        """
        0 echo-reply, 3 destination-unreachable, 4 source-quench, 5 redirect, 8 echo-request, 9 router-advertisement,
        10 router-solicitation, 11 time-exceeded, 12 parameter-problem, 13 timestamp-request, 14 timestamp-reply, 15 info-request,
        16 info-reply, 17 address-mask-request, 18 address-mask-reply
        """)

    /// RFC 4443, RFC 2710, RFC 4861, RFC 2894, RFC 3122, RFC 3810.
    static let icmpv6Types = NameTable(
        """
        1 destination-unreachable, 2 packet-too-big, 3 time-exceeded, 4 parameter-problem, 128 echo-request, 129 echo-reply,
        130 mld-listener-query, 131 mld-listener-report, 132 mld-listener-done mld-listener-reduction, 133 nd-router-solicit,
        134 nd-router-advert, 135 nd-neighbor-solicit, 136 nd-neighbor-advert, 137 nd-redirect, 138 router-renumbering,
        141 ind-neighbor-solicit, 142 ind-neighbor-advert, 143 mld2-listener-report
        """)

    /// Bits of the octet after the data offset (RFC 9293 3.1), lowest first.
    static let tcpFlags = NameTable("1 fin, 2 syn, 4 rst, 8 psh, 16 ack, 32 urg, 64 ecn, 128 cwr")

    /// RFC 792, RFC 1812: the reasons why a destination is unreachable, which are all that nft has names for.
    static let icmpCodes = NameTable(
        """
        0 net-unreachable, 1 host-unreachable, 2 prot-unreachable, 3 port-unreachable, 9 net-prohibited, 10 host-prohibited,
        13 admin-prohibited, 4 frag-needed
        """)

    /// RFC 4443 3.1, in the same way.
    static let icmpv6Codes = NameTable(
        "0 no-route, 1 admin-prohibited, 3 addr-unreachable, 4 port-unreachable, 5 policy-fail, 6 reject-route")

    /// RFC 1112, RFC 2236, RFC 3376.
    static let igmpTypes = NameTable(
        "17 membership-query, 18 membership-report-v1, 22 membership-report-v2, 34 membership-report-v3, 23 leave-group")

    /// RFC 2474, RFC 2597, RFC 3246, RFC 5865, RFC 8622.
    static let codePoints = NameTable(
        """
        0 cs0, 8 cs1, 16 cs2, 24 cs3, 32 cs4, 40 cs5, 48 cs6, 56 cs7, 0 df, 0 be, 1 lephb, 10 af11, 12 af12, 14 af13, 18 af21,
        20 af22, 22 af23, 26 af31, 28 af32, 30 af33, 34 af41, 36 af42, 38 af43, 44 va, 46 ef
        """)

    /// RFC 3168 5.
    static let congestion = NameTable("0 not-ect, 1 ect1, 2 ect0, 3 ce")

    /// RFC 4340 5.1.
    static let dccpTypes = NameTable(
        "0 request, 1 response, 2 data, 3 ack, 4 dataack, 5 closereq, 6 close, 7 reset, 8 sync, 9 syncack")

    /// nft's `day_type`.
    static let days = NameTable("0 Sunday, 1 Monday, 2 Tuesday, 3 Wednesday, 4 Thursday, 5 Friday, 6 Saturday")

    /// Linux' `netfilter.h`.
    static let networkFamilies = NameTable("2 ipv4, 10 ipv6")

    /// Linux' `if_arp.h`, as far as nft has names.
    static let deviceTypes = NameTable("1 ether, 512 ppp, 768 ipip, 769 ipip6, 772 loopback, 776 sit, 778 ipgre")

    /// The group that devices are in unless somebody says otherwise (`/etc/iproute2/group`).
    static let deviceGroups = NameTable("0 default")

    /// linux/pkt_sched.h, `TC_H_UNSPEC` and `TC_H_ROOT`.
    static let trafficClasses = NameTable("0 none, 4294967295 root")

    /// nft's `boolean`, as it is written of headers and options.
    static let presence = NameTable("0 missing, 1 exists")

    /// RFC 6275 6.1, RFC 5568.
    static let mobilityTypes = NameTable(
        """
        0 binding-refresh-request, 1 home-test-init, 2 careof-test-init, 3 home-test, 4 careof-test, 5 binding-update,
        6 binding-acknowledgement, 7 binding-error, 8 fast-binding-update, 9 fast-binding-acknowledgement,
        10 fast-binding-advertisement, 11 experimental-mobility-header, 12 home-agent-switch-message
        """)

    /// RFC 8684 3, as far as nft has names.
    static let multipathSubtypes = NameTable(
        "0 mp-capable, 1 mp-join, 2 dss, 3 add-addr, 4 remove-addr, 5 mp-prio, 6 mp-fail, 7 mp-fastclose, 8 mp-tcprst")

    /// Linux' `nf_conntrack_common.h`: `NF_CT_STATE_INVALID_BIT`, `NF_CT_STATE_BIT` and `NF_CT_STATE_UNTRACKED_BIT`.
    static let connectionStates = NameTable("1 invalid, 2 established, 4 related, 8 new, 64 untracked")

    /// The same: bits of `enum ip_conntrack_status`, as far as nft has names for them.
    static let connectionStatuses = NameTable(
        "1 expected, 2 seen-reply, 4 assured, 8 confirmed, 16 snat, 32 dnat, 512 dying")

    /// `IP_CT_DIR_ORIGINAL` and `IP_CT_DIR_REPLY`.
    static let connectionDirections = NameTable("0 original, 1 reply")

    /// Linux' `if_packet.h`.
    static let packetTypes = NameTable("0 host unicast, 1 broadcast, 2 multicast, 3 other")
}
