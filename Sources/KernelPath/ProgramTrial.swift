import Glibc
package import PacketIO

/// `BPF_PROG_TEST_RUN`: a program on a frame that nobody sent, for tests.
package struct ProgramTrial: Sendable {
    /// What the program came back with.
    package var answer: UInt32
    /// The frame afterwards.
    package var frame: [UInt8]

    /// The attributes of bpf(2), as the kernel lays them out: nothing but words of 32 bits, and of 64 bits at multiples of 8 bytes.
    private struct Attributes: BitwiseCopyable {
        var prog_fd: UInt32 = 0, retval: UInt32 = 0, data_size_in: UInt32 = 0, data_size_out: UInt32 = 0
        var data_in: UInt64 = 0, data_out: UInt64 = 0
        var repetitions: UInt32 = 1, duration: UInt32 = 0, ctx_size_in: UInt32 = 0, ctx_size_out: UInt32 = 0
        var ctx_in: UInt64 = 0, ctx_out: UInt64 = 0
        var flags: UInt32 = 0, cpu: UInt32 = 0, batch_size: UInt32 = 0, padding: UInt32 = 0
    }

    /// Runs a program of tc's once, on a frame that seems to come in by the loopback interface. Needs CAP_BPF and CAP_NET_ADMIN.
    /// - Parameter segmentSize: Of a super-frame; 0 for a frame of one segment.
    package init(_ program: BPFProgram, on frame: [UInt8], segmentSize: UInt32 = 0) throws(SystemCallError) {
        var context = [UInt8](repeating: 0, count: 192)
        // `gso_segs` and `gso_size` in `struct __sk_buff`.
        if segmentSize > 0 {
            withUnsafeBytes(of: UInt32(2)) { context.replaceSubrange(164..<168, with: $0) }
            withUnsafeBytes(of: segmentSize) { context.replaceSubrange(176..<180, with: $0) }
        }
        var output = [UInt8](repeating: 0, count: frame.count + 256)
        var attributes = Attributes()
        let failure = frame.withUnsafeBytes { input in
            context.withUnsafeBytes { context in
                output.withUnsafeMutableBytes { output -> SystemCallError? in
                    attributes.prog_fd = UInt32(bitPattern: program.number)
                    attributes.data_size_in = UInt32(input.count)
                    attributes.data_size_out = UInt32(output.count)
                    attributes.data_in = address(input.baseAddress)
                    attributes.data_out = address(output.baseAddress)
                    attributes.ctx_size_in = UInt32(context.count)
                    attributes.ctx_in = address(context.baseAddress)
                    do throws(SystemCallError) {
                        try bpf(.programTest, &attributes, "run a BPF program")
                        return nil
                    } catch {
                        return error
                    }
                }
            }
        }
        if let failure { throw failure }
        answer = attributes.retval
        self.frame = [UInt8](output.prefix(Int(attributes.data_size_out)))
    }
}
