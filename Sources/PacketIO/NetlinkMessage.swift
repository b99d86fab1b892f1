import CLinux
import Glibc

/// A netlink message under construction: the family's fixed header, then attributes, nested where they are
/// (include/uapi/linux/netlink.h; everything in host byte order, attributes aligned to 4).
package struct NetlinkMessage {
    package let type: UInt16
    /// What follows `struct nlmsghdr`.
    package private(set) var payload: [UInt8] = []

    /// `header` is the fixed structure of the message's type: `tcmsg`, `ifinfomsg` …
    package init<Header: BitwiseCopyable>(type: Int, header: Header) {
        self.type = UInt16(truncatingIfNeeded: type)
        append(header)
    }

    /// A message whose payload was taken from the kernel before.
    package init(type: UInt16, payload: [UInt8]) {
        self.type = type
        self.payload = payload
    }

    private mutating func append<T: BitwiseCopyable>(_ value: T) {
        withUnsafeBytes(of: value) { payload.append(contentsOf: $0) }
        pad()
    }

    private mutating func pad() {
        while payload.count % 4 != 0 { payload.append(0) }
    }

    /// An attribute with these bytes.
    package mutating func attribute(_ type: some BinaryInteger, bytes: some Collection<UInt8>) {
        append(nlattr(nla_len: UInt16(truncatingIfNeeded: 4 + bytes.count), nla_type: UInt16(truncatingIfNeeded: type)))
        payload.append(contentsOf: bytes)
        pad()
    }

    /// An attribute that holds one C value.
    package mutating func attribute<T: BitwiseCopyable>(_ type: some BinaryInteger, _ value: T) {
        attribute(type, bytes: withUnsafeBytes(of: value) { [UInt8]($0) })
    }

    /// An attribute that holds a string with its terminating zero.
    package mutating func attribute(_ type: some BinaryInteger, string: String) {
        attribute(type, bytes: [UInt8](string.utf8) + [0])
    }

    /// An attribute whose content is the attributes that `body` adds.
    package mutating func nest(_ type: some BinaryInteger, _ body: (inout NetlinkMessage) -> Void) {
        let start = payload.count
        append(nlattr(nla_len: 0, nla_type: UInt16(truncatingIfNeeded: type)))
        body(&self)
        let length = UInt16(truncatingIfNeeded: payload.count - start)
        withUnsafeBytes(of: length) { payload.replaceSubrange(start..<start + 2, with: $0) }
    }

    /// The whole message with `struct nlmsghdr` before it.
    package func bytes(flags: Int32, sequence: UInt32) -> [UInt8] {
        let header = nlmsghdr(
            nlmsg_len: UInt32(truncatingIfNeeded: 16 + payload.count), nlmsg_type: type,
            nlmsg_flags: UInt16(truncatingIfNeeded: flags), nlmsg_seq: sequence, nlmsg_pid: 0)
        return withUnsafeBytes(of: header) { [UInt8]($0) } + payload
    }
}

/// Reads C values and attributes out of a message's bytes. What isn't there is nil.
package struct NetlinkReader {
    package let bytes: ArraySlice<UInt8>

    package init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
    }

    /// The C value at an offset from the start.
    package func value<T: BitwiseCopyable>(at offset: Int = 0, as type: T.Type) -> T? {
        guard offset >= 0, offset <= bytes.count, bytes.count - offset >= MemoryLayout<T>.size else { return nil }
        return bytes.dropFirst(offset).withUnsafeBytes { $0.loadUnaligned(as: T.self) }
    }

    /// The attributes after a fixed header of `offset` bytes, in order, nested flags taken off.
    package func attributes(after offset: Int) -> [(type: Int, content: ArraySlice<UInt8>)] {
        var found: [(type: Int, content: ArraySlice<UInt8>)] = []
        var rest = bytes.dropFirst((offset + 3) & ~3)
        while let header = NetlinkReader(rest).value(as: nlattr.self), header.nla_len >= 4, Int(header.nla_len) <= rest.count {
            found.append((Int(header.nla_type & 0x3fff), rest.dropFirst(4).prefix(Int(header.nla_len) - 4)))
            rest = rest.dropFirst((Int(header.nla_len) + 3) & ~3)
        }
        return found
    }

    /// A string attribute's text, up to its zero.
    package static func string(_ content: ArraySlice<UInt8>) -> String {
        String(decoding: content.prefix { $0 != 0 }, as: UTF8.self)
    }
}
