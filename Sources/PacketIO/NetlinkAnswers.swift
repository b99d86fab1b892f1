import CLinux
import Glibc

/// What the kernel has answered to one request so far: an acknowledgement, or all parts of a dump
/// (include/uapi/linux/netlink.h, net/netlink/af_netlink.c).
package struct NetlinkAnswers {
    /// The messages, without those that say how the request ended.
    package private(set) var messages: [(type: UInt16, payload: ArraySlice<UInt8>)] = []
    /// What was dumped changed meanwhile, so something may be missing or there twice.
    package private(set) var isInterrupted = false
    private let sequence: UInt32
    private let what: String

    /// - Parameters:
    ///   - sequence: The request's number.
    ///   - what: The request, in the words of an error.
    package init(to sequence: UInt32, _ what: String) {
        self.sequence = sequence
        self.what = what
    }

    /// Takes what one system call has brought.
    ///
    /// - Returns: True if nothing more comes.
    /// - Throws: The kernel's refusal, also one in the middle of a dump.
    package mutating func take(_ bytes: ArraySlice<UInt8>) throws(SystemCallError) -> Bool {
        var rest = bytes
        while let header = NetlinkReader(rest).value(as: nlmsghdr.self), header.nlmsg_len >= 16, Int(header.nlmsg_len) <= rest.count {
            let payload = rest.dropFirst(16).prefix(Int(header.nlmsg_len) - 16)
            rest = rest.dropFirst((Int(header.nlmsg_len) + 3) & ~3)
            guard header.nlmsg_seq == sequence else { continue }
            if Int32(header.nlmsg_flags) & NLM_F_DUMP_INTR != 0 { isInterrupted = true }
            switch Int32(header.nlmsg_type) {
            case NLMSG_DONE, NLMSG_ERROR:
                if let error = Self.refusal(payload, header, what) { throw error }
                return true
            default:
                // A copy: the buffer is used again for the next part of a dump.
                messages.append((header.nlmsg_type, ArraySlice(Array(payload))))
            }
        }
        return false
    }

    /// `struct nlmsgerr`, or the code at the end of a dump, as an error; nil if all went well.
    static func refusal(_ payload: ArraySlice<UInt8>, _ header: nlmsghdr, _ what: String) -> SystemCallError? {
        let reader = NetlinkReader(payload)
        guard let code = reader.value(as: Int32.self), code < 0 else { return nil }
        // Behind the error stand the request's header, all of the request unless it was capped, and then the sentence. At the end of a
        // dump the sentence comes at once.
        var length = 0
        if Int32(header.nlmsg_type) == NLMSG_ERROR {
            length = header.nlmsg_flags & UInt16(NLM_F_CAPPED) != 0 ? 16 : Int(reader.value(at: 4, as: UInt32.self) ?? 16)
        }
        let sentence = reader.attributes(after: 4 + length).first { $0.type == 1 /* NLMSGERR_ATTR_MSG */ }
        return SystemCallError(call: what, code: 0 &- code, detail: sentence.map { NetlinkReader.string($0.content) } ?? "")
    }
}
