import CLinux
import Glibc
public import PacketIO

/// A map: memory that programs in the kernel and processes share. It lives as long as a program or a descriptor refers to it.
public final class BPFMap: Sendable {
    /// Kinds of map (enum bpf_map_type) that Weir's programs use.
    public enum Kind: UInt32, Sendable {
        case hash = 1
        /// Keys are indices of 32 bits from 0; elements are there from the start and zero.
        case array = 2
        /// The same with a value for each processor.
        case perProcessorArray = 6
    }

    /// A map as the kernel describes it.
    public struct Information: Sendable, Equatable {
        public var id: UInt32
        public var kind: UInt32
        /// Bytes.
        public var keySize: UInt32
        /// Bytes, of one processor's value.
        public var valueSize: UInt32
        public var capacity: UInt32
        public var name: String
    }

    /// Elements of arrays can be mapped into a process (`BPF_F_MMAPABLE`, Linux 5.5).
    static let mappable: UInt32 = 1 << 10

    private let descriptor: Descriptor

    /// Valid as long as the map is held.
    public var number: Int32 { descriptor.number }

    /// Makes a map. Needs CAP_BPF.
    public init(
        _ kind: Kind, keySize: Int = 4, valueSize: Int, capacity: Int, flags: UInt32 = 0, name: String
    ) throws(SystemCallError) {
        var attributes = weir_bpf_map_create()
        attributes.map_type = kind.rawValue
        attributes.key_size = UInt32(truncatingIfNeeded: keySize)
        attributes.value_size = UInt32(truncatingIfNeeded: valueSize)
        attributes.max_entries = UInt32(truncatingIfNeeded: capacity)
        attributes.map_flags = flags
        setName(&attributes.map_name, name)
        descriptor = Descriptor(owning: try bpf(.mapCreate, &attributes, "make the BPF map \(name)"))
    }

    /// Opens the map of this number. Needs CAP_SYS_ADMIN.
    public init(id: UInt32) throws(SystemCallError) {
        var attributes = weir_bpf_id()
        attributes.id = id
        descriptor = Descriptor(owning: try bpf(.mapByID, &attributes, "open the BPF map \(id)"))
    }

    public func information() throws(SystemCallError) -> Information {
        var information = weir_bpf_map_information()
        try inquire(number, &information, "ask about a BPF map")
        return Information(
            id: information.id, kind: information.type, keySize: information.key_size, valueSize: information.value_size,
            capacity: information.max_entries, name: name(information.name))
    }

    /// Reads the element of an index into `value`, which holds at least the value's size, or that of all processors' values.
    public func read(_ index: UInt32, into value: inout [UInt8]) throws(SystemCallError) {
        try element(.mapLookup, index, &value, "read a BPF map")
    }

    /// Writes the element of an index; `value` has the value's size.
    public func write(_ index: UInt32, _ value: [UInt8]) throws(SystemCallError) {
        var value = value
        try element(.mapUpdate, index, &value, "write a BPF map")
    }

    /// Adds or changes an element.
    func set(_ key: UnsafeRawBufferPointer, _ value: UInt32) throws(SystemCallError) {
        var value = value
        var attributes = weir_bpf_element()
        attributes.map_fd = UInt32(bitPattern: number)
        attributes.key = address(key.baseAddress)
        let failure = withUnsafeBytes(of: &value) { value -> SystemCallError? in
            attributes.value = address(value.baseAddress)
            do throws(SystemCallError) {
                try bpf(.mapUpdate, &attributes, "write a BPF map")
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    /// Takes an element out; that it isn't there is no error.
    func remove(_ key: UnsafeRawBufferPointer) throws(SystemCallError) {
        var attributes = weir_bpf_element()
        attributes.map_fd = UInt32(bitPattern: number)
        attributes.key = address(key.baseAddress)
        do throws(SystemCallError) {
            try bpf(.mapDelete, &attributes, "take an element out of a BPF map")
        } catch  where error.code == ENOENT {}
    }

    private func element(_ command: BPFCommand, _ index: UInt32, _ value: inout [UInt8], _ what: String) throws(SystemCallError) {
        let failure = withUnsafeBytes(of: index) { key in
            value.withUnsafeMutableBytes { value -> SystemCallError? in
                var attributes = weir_bpf_element()
                attributes.map_fd = UInt32(bitPattern: number)
                attributes.key = address(key.baseAddress)
                attributes.value = address(value.baseAddress)
                do throws(SystemCallError) {
                    try bpf(command, &attributes, what)
                    return nil
                } catch {
                    return error
                }
            }
        }
        if let failure { throw failure }
    }
}

/// `BPF_OBJ_GET_INFO_BY_FD`: fills a structure that describes a map or a program.
func inquire<Information: BitwiseCopyable>(
    _ descriptor: Int32, _ information: inout Information, _ what: String
) throws(SystemCallError) {
    let failure = withUnsafeMutableBytes(of: &information) { bytes -> SystemCallError? in
        var attributes = weir_bpf_info()
        attributes.bpf_fd = UInt32(bitPattern: descriptor)
        attributes.info_len = UInt32(bytes.count)
        attributes.info = address(bytes.baseAddress)
        do throws(SystemCallError) {
            try bpf(.information, &attributes, what)
            return nil
        } catch {
            return error
        }
    }
    if let failure { throw failure }
}
