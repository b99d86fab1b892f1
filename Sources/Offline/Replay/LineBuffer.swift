import Glibc
import Reporting
import Wire

/// Lines on their way to a descriptor, put together without a string for each.
struct LineBuffer: ~Copyable {
    private static let capacity = 1 << 17
    /// Beyond it, it is written at the end of a line. No line is longer than what is left then.
    private static let full = 1 << 16

    private let descriptor: Int32
    private let memory: UnsafeMutablePointer<UInt8>
    private var count = 0
    /// The error number of what could not be written, or 0.
    private(set) var errorNumber: Int32 = 0

    init(descriptor: Int32) {
        self.descriptor = descriptor
        memory = .allocate(capacity: Self.capacity)
    }

    deinit {
        memory.deallocate()
    }

    mutating func endLine() {
        append(UInt8(ascii: "\n"))
        flushIfFull()
    }

    /// To be called between two lines.
    mutating func flushIfFull() {
        if count > Self.full { flush() }
    }

    /// Brings what there is to the descriptor.
    mutating func flush() {
        var done = 0
        while done < count {
            let written = write(descriptor, memory + done, count - done)
            if written < 0, errno == EINTR { continue }
            guard written > 0 else {
                errorNumber = errno
                break
            }
            done += written
        }
        count = 0
    }

    /// What there is as text, which no descriptor gets then.
    mutating func take() -> String {
        defer { count = 0 }
        return String(decoding: UnsafeBufferPointer(start: memory, count: count), as: UTF8.self)
    }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        if count == Self.capacity { flush() }
        memory[count] = byte
        count &+= 1
    }

    mutating func append(_ text: StaticString) {
        append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func append(_ text: String) {
        // A native string has its bytes in one piece.
        if text.utf8.withContiguousStorageIfAvailable({ append($0) }) == nil {
            for byte in text.utf8 { append(byte) }
        }
    }

    mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        if count + bytes.count > Self.capacity { flush() }
        guard let start = bytes.baseAddress, bytes.count <= Self.capacity else { return }
        (memory + count).update(from: start, count: bytes.count)
        count += bytes.count
    }

    mutating func append(decimal number: UInt64, digits: Int = 1) {
        if number >= 10 || digits > 1 { append(decimal: number / 10, digits: digits - 1) }
        append(UInt8(ascii: "0") + UInt8(number % 10))
    }

    mutating func append(hexadecimal number: UInt64, digits: Int) {
        let digit = UInt8(number & 0xf)
        if number >= 16 || digits > 1 { append(hexadecimal: number >> 4, digits: digits - 1) }
        append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }

    // MARK: What stands in a line

    /// The time of day, UTC: `15:09:26.535897932`.
    mutating func append(timeOfDay time: UInt64) {
        let seconds = time / 1_000_000_000 % 86_400
        append(decimal: seconds / 3600, digits: 2)
        append(UInt8(ascii: ":"))
        append(decimal: seconds / 60 % 60, digits: 2)
        append(UInt8(ascii: ":"))
        append(decimal: seconds % 60, digits: 2)
        append(UInt8(ascii: "."))
        append(decimal: time % 1_000_000_000, digits: 9)
    }

    /// Four octets in the low 32 bits, or an address of IPv6 in the short form (RFC 5952).
    mutating func append(address: UInt128, isIPv4: Bool) {
        AddressDigits.withBytes(of: address, isIPv4: isIPv4) { append($0) }
    }
}
