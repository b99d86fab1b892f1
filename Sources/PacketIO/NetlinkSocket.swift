import CLinux
import Glibc

/// A rtnetlink socket for requests with their answers (RFC 3549; include/uapi/linux/rtnetlink.h).
final class NetlinkSocket {
    private let descriptor: Descriptor
    private var sequence: UInt32 = 0
    private var buffer = [UInt8](repeating: 0, count: 1 << 17)

    /// - Parameter protocol: `NETLINK_ROUTE` or another family's number.
    init(protocol: Int32 = NETLINK_ROUTE) throws(SystemCallError) {
        descriptor = try Self.open(groups: 0, flags: 0, protocol: `protocol`)
        // Refusals come with the kernel's own sentence where the kernel can (4.12 and later); without it the code must do.
        try? setOption(descriptor.number, SOL_NETLINK, 11 /* NETLINK_EXT_ACK */, Int32(1), "NETLINK_EXT_ACK")
        // An answer that never comes must not hold up a start.
        try setOption(descriptor.number, SOL_SOCKET, SO_RCVTIMEO, timeval(tv_sec: 5, tv_usec: 0), "SO_RCVTIMEO")
    }

    /// A bound socket that hears the multicast groups of the mask (`RTMGRP_…`).
    static func open(groups: UInt32, flags: Int32, protocol: Int32 = NETLINK_ROUTE) throws(SystemCallError) -> Descriptor {
        let number = try systemCall("socket AF_NETLINK") {
            socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | flags, `protocol`)
        }
        let descriptor = Descriptor(owning: number)
        var address = sockaddr_nl()
        address.nl_family = sa_family_t(AF_NETLINK)
        address.nl_groups = groups
        try systemCall("bind AF_NETLINK") {
            withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, socklen_t(MemoryLayout<sockaddr_nl>.size)) }
            }
        }
        return descriptor
    }

    /// Carries a request out; throws the kernel's refusal, named by `what`.
    func request(_ message: NetlinkMessage, flags: Int32 = 0, _ what: String) throws(SystemCallError) {
        _ = try exchange(message, flags: flags | NLM_F_ACK, what)
    }

    /// Requests that are sent at once. Their answers must find room in the socket's queue: each takes a buffer of about a kilobyte there,
    /// of 208 KiB (`net.core.rmem_default`).
    private static let batch = 64

    /// Carries requests out in their order, many with each system call.
    ///
    /// - Returns: For each the kernel's refusal, named by its `what`; nil if it was carried out.
    func requests(
        _ requests: [(message: NetlinkMessage, what: String)], flags: Int32
    ) throws(SystemCallError) -> [SystemCallError?] {
        var refusals: [SystemCallError?] = []
        for start in stride(from: 0, to: requests.count, by: Self.batch) {
            let part = requests[start..<min(start + Self.batch, requests.count)]
            let first = sequence &+ 1
            var bytes: [UInt8] = []
            for request in part {
                sequence &+= 1
                bytes += request.message.bytes(flags: flags | NLM_F_ACK | NLM_F_REQUEST, sequence: sequence)
            }
            let what = part.first?.what ?? ""
            try systemCall(what) { send(descriptor.number, bytes, bytes.count, 0) }
            var answers = [SystemCallError?](repeating: nil, count: part.count)
            var left = part.count
            while left > 0 {
                let received = try systemCall(what) { recv(descriptor.number, &buffer, buffer.count, 0) }
                Self.forEachMessage(in: buffer[..<received]) { header, payload in
                    let place = Int(header.nlmsg_seq &- first)
                    guard place < part.count, Int32(header.nlmsg_type) == NLMSG_ERROR else { return }
                    answers[place] = NetlinkAnswers.refusal(payload, header, part[start + place].what)
                    left -= 1
                }
            }
            refusals += answers
        }
        return refusals
    }

    private static func forEachMessage(in bytes: ArraySlice<UInt8>, _ body: (nlmsghdr, ArraySlice<UInt8>) -> Void) {
        var rest = bytes
        while let header = NetlinkReader(rest).value(as: nlmsghdr.self), header.nlmsg_len >= 16, Int(header.nlmsg_len) <= rest.count {
            body(header, rest.dropFirst(16).prefix(Int(header.nlmsg_len) - 16))
            rest = rest.dropFirst((Int(header.nlmsg_len) + 3) & ~3)
        }
    }

    /// The messages that answer a request: one, or all of a dump.
    func query(_ message: NetlinkMessage, dump: Bool, _ what: String) throws(SystemCallError) -> [(
        type: UInt16, payload: ArraySlice<UInt8>
    )] {
        try exchange(message, flags: dump ? NLM_F_DUMP : NLM_F_ACK, what)
    }

    /// How often a dump is asked for again if something changed while it was read.
    private static let dumpAttempts = 10

    private func exchange(
        _ message: NetlinkMessage, flags: Int32, _ what: String
    ) throws(SystemCallError) -> [(type: UInt16, payload: ArraySlice<UInt8>)] {
        for _ in 0..<Self.dumpAttempts {
            sequence &+= 1
            let request = message.bytes(flags: flags | NLM_F_REQUEST, sequence: sequence)
            try systemCall(what) { send(descriptor.number, request, request.count, 0) }
            var answers = NetlinkAnswers(to: sequence, what)
            var isWhole = false
            while !isWhole {
                let received = try systemCall(what) { recv(descriptor.number, &buffer, buffer.count, 0) }
                isWhole = try answers.take(buffer[..<received])
            }
            if !answers.isInterrupted { return answers.messages }
        }
        throw SystemCallError(call: what, code: EINTR, detail: "it changed each time while it was read")
    }
}
