import CPcap
import Glibc

/// A capture file that can't be opened or written, in the operator's words.
public struct CaptureError: Error, CustomStringConvertible {
    public var description: String
}

/// A `.pcap` file of Ethernet frames with nanoseconds, written by libpcap (pcap-savefile(5)).
struct PcapFile: ~Copyable {
    /// Bytes of a frame that are kept: libpcap's own largest (MAXIMUM_SNAPLEN).
    static let snapLength = 262_144

    private let handle: OpaquePointer
    private let dumper: OpaquePointer
    let path: String

    init(path: String) throws(CaptureError) {
        guard
            let handle = pcap_open_dead_with_tstamp_precision(
                DLT_EN10MB, Int32(Self.snapLength), UInt32(PCAP_TSTAMP_PRECISION_NANO))
        else {
            throw CaptureError(description: "there is no memory for a capture")
        }
        guard let dumper = pcap_dump_open(handle, path) else {
            let reason = String(cString: pcap_geterr(handle))
            pcap_close(handle)
            throw CaptureError(description: "the drop capture can't be opened: \(reason)")
        }
        self.handle = handle
        self.dumper = dumper
        self.path = path
    }

    deinit {
        pcap_dump_close(dumper)
        pcap_close(handle)
    }

    /// Writes a frame; its time is in nanoseconds since the epoch.
    func write(_ frame: UnsafeRawBufferPointer, time: UInt64) {
        var header = pcap_pkthdr()
        // With nanosecond precision libpcap takes tv_usec as nanoseconds.
        header.ts.tv_sec = Int(truncatingIfNeeded: time / 1_000_000_000)
        header.ts.tv_usec = Int(time % 1_000_000_000)
        header.len = UInt32(truncatingIfNeeded: frame.count)
        header.caplen = UInt32(truncatingIfNeeded: min(frame.count, Self.snapLength))
        pcap_dump(
            UnsafeMutableRawPointer(dumper).assumingMemoryBound(to: UInt8.self), &header,
            frame.baseAddress?.assumingMemoryBound(to: UInt8.self))
    }

    /// Brings what was written to the file; false if the file takes no more (full disk).
    func flush() -> Bool {
        let good = pcap_dump_flush(dumper) == 0 && ferror(pcap_dump_file(dumper)) == 0
        // The next flush tells whether the disk has room again.
        if !good { clearerr(pcap_dump_file(dumper)) }
        return good
    }
}
