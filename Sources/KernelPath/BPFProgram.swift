public import CLinux
import Glibc
public import PacketIO

/// A program in the kernel. It lives as long as something it is attached to or a descriptor refers to it.
public final class BPFProgram: Sendable {
    /// Kinds of program (enum bpf_prog_type) that Weir loads.
    public enum Kind: UInt32, Sendable {
        case socketFilter = 1
        /// For tc and TCX.
        case trafficControl = 3
    }

    /// A program as the kernel describes it.
    public struct Information: Sendable, Equatable {
        public var id: UInt32
        public var kind: UInt32
        /// A hash of the instructions, without the maps they name.
        public var tag: [UInt8]
        public var name: String
        /// The numbers of the maps that it uses, 64 at most.
        public var maps: [UInt32]
    }

    private static let logBytes = 1 << 16
    private static let mapLimit = 64

    private let descriptor: Descriptor

    /// Valid as long as the program is held.
    public var number: Int32 { descriptor.number }

    /// Has the kernel check and load a program; the error's detail is the end of what the verifier says. Needs CAP_BPF, and
    /// CAP_NET_ADMIN for traffic control.
    public init(_ kind: Kind, _ instructions: [weir_bpf_instruction], name: String, attachType: UInt32 = 0) throws(SystemCallError) {
        var log: [UInt8] = []
        do throws(SystemCallError) {
            descriptor = try Self.load(kind, instructions, name, attachType, log: &log)
        } catch {
            // With a place for the verifier's words only now: it costs, and a log that is too small is itself an error.
            guard error.code == EINVAL || error.code == EACCES else { throw error }
            log = [UInt8](repeating: 0, count: Self.logBytes)
            do throws(SystemCallError) {
                descriptor = try Self.load(kind, instructions, name, attachType, log: &log)
            } catch {
                let lines = String(decoding: log.prefix { $0 != 0 }, as: UTF8.self).split(separator: "\n").suffix(4)
                throw SystemCallError(call: error.call, code: error.code, detail: lines.joined(separator: "; "))
            }
        }
    }

    private static func load(
        _ kind: Kind, _ instructions: [weir_bpf_instruction], _ name: String, _ attachType: UInt32, log: inout [UInt8]
    ) throws(SystemCallError) -> Descriptor {
        // Some helpers are for programs under the GPL only (include/linux/license.h); it is said of the loaded program, which
        // Weir's are fit for.
        let license: [UInt8] = [UInt8]("GPL".utf8) + [0]
        let result = instructions.withUnsafeBytes { code in
            license.withUnsafeBytes { license in
                log.withUnsafeMutableBytes { log -> Result<Int32, SystemCallError> in
                    var attributes = weir_bpf_program_load()
                    attributes.prog_type = kind.rawValue
                    attributes.insn_cnt = UInt32(truncatingIfNeeded: instructions.count)
                    attributes.insns = address(code.baseAddress)
                    attributes.license = address(license.baseAddress)
                    attributes.log_level = log.isEmpty ? 0 : 1
                    attributes.log_size = UInt32(truncatingIfNeeded: log.count)
                    attributes.log_buf = log.isEmpty ? 0 : address(log.baseAddress)
                    attributes.expected_attach_type = attachType
                    setName(&attributes.prog_name, name)
                    do throws(SystemCallError) {
                        return .success(try bpf(.programLoad, &attributes, "load the BPF program \(name)"))
                    } catch {
                        return .failure(error)
                    }
                }
            }
        }
        return Descriptor(owning: try result.get())
    }

    /// Opens the program of this number. Needs CAP_SYS_ADMIN.
    public init(id: UInt32) throws(SystemCallError) {
        var attributes = weir_bpf_id()
        attributes.id = id
        descriptor = Descriptor(owning: try bpf(.programByID, &attributes, "open the BPF program \(id)"))
    }

    public func information() throws(SystemCallError) -> Information {
        var maps = [UInt32](repeating: 0, count: Self.mapLimit)
        var information = weir_bpf_program_information()
        let failure = maps.withUnsafeMutableBytes { maps -> SystemCallError? in
            information.nr_map_ids = UInt32(Self.mapLimit)
            information.map_ids = address(maps.baseAddress)
            do throws(SystemCallError) {
                try inquire(number, &information, "ask about a BPF program")
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
        return Information(
            id: information.id, kind: information.type, tag: withUnsafeBytes(of: information.tag) { [UInt8]($0) },
            name: name(information.name), maps: [UInt32](maps.prefix(Int(min(information.nr_map_ids, UInt32(Self.mapLimit))))))
    }
}
