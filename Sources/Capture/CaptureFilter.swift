import CPcap

/// Which frames are kept: an expression of pcap-filter(7), compiled and applied by libpcap.
public final class CaptureFilter {
    private let program: UnsafeMutablePointer<bpf_program>

    /// - Parameter snapLength: Bytes of a frame that there are at most.
    public init(_ expression: String, snapLength: Int) throws(CaptureError) {
        guard let handle = pcap_open_dead(DLT_EN10MB, Int32(truncatingIfNeeded: snapLength)) else {
            throw CaptureError(description: "not enough memory for a capture")
        }
        defer { pcap_close(handle) }
        let program = UnsafeMutablePointer<bpf_program>.allocate(capacity: 1)
        program.initialize(to: bpf_program())
        guard pcap_compile(handle, program, expression, 1, PCAP_NETMASK_UNKNOWN) == 0 else {
            let reason = String(cString: pcap_geterr(handle))
            program.deallocate()
            throw CaptureError(
                description:
                    "the capture's filter \"\(expression)\" is not valid in pcap-filter(7)'s language (example: 'tcp port 23'): \(reason)")
        }
        self.program = program
    }

    deinit {
        pcap_freecode(program)
        program.deallocate()
    }

    /// - Parameter length: Bytes of the frame, of which fewer may be here.
    public func matches(_ frame: UnsafeRawBufferPointer, length: UInt32) -> Bool {
        var header = pcap_pkthdr()
        header.len = length
        header.caplen = UInt32(truncatingIfNeeded: frame.count)
        return pcap_offline_filter(program, &header, frame.baseAddress?.assumingMemoryBound(to: UInt8.self)) != 0
    }
}
