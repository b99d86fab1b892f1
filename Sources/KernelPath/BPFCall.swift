import CLinux
import Glibc
import PacketIO

/// Commands of bpf(2) (include/uapi/linux/bpf.h, enum bpf_cmd).
enum BPFCommand: Int32 {
    case mapCreate = 0
    case mapLookup = 1
    case mapUpdate = 2
    case mapDelete = 3
    case programLoad = 5
    case programAttach = 8
    case programDetach = 9
    case programTest = 10
    case programByID = 13
    case mapByID = 14
    case information = 15
    case programQuery = 16
}

/// Calls bpf(2) with one of CLinux's attribute structures, and returns what it answers.
@discardableResult
func bpf<Attributes: BitwiseCopyable>(
    _ command: BPFCommand, _ attributes: inout Attributes, _ what: @autoclosure () -> String
) throws(SystemCallError) -> Int32 {
    try systemCall(what()) {
        withUnsafeMutableBytes(of: &attributes) { bytes in
            // A structure of ours is never empty.
            bytes.baseAddress.map { weir_bpf(command.rawValue, $0, UInt32(bytes.count)) } ?? -1
        }
    }
}

/// An address as bpf(2) takes it.
func address(_ pointer: UnsafeRawPointer?) -> UInt64 { UInt64(UInt(bitPattern: pointer)) }

/// Writes the name of a program or map, of which the kernel takes 15 bytes: letters, digits, `_` and `.`.
func setName<Name>(_ field: inout Name, _ name: String) {
    withUnsafeMutableBytes(of: &field) { bytes in
        for (place, byte) in zip(0..<bytes.count - 1, name.utf8) { bytes[place] = byte }
    }
}

/// A name's text, up to its zero.
func name<Field>(_ field: Field) -> String {
    withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}
