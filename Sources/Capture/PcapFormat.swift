import CPcap
import Glibc

/// A capture that can't be opened or written, in the operator's words.
public struct CaptureError: Error, CustomStringConvertible {
    public var description: String
}

/// Records of a pcap of Ethernet frames with nanoseconds or microseconds, as libpcap writes them (pcap-savefile(5)).
///
/// libpcap writes to a stream in memory; what arrives there goes on to the file in whole records.
final class PcapFormat: CaptureFormat {
    private let handle: OpaquePointer
    private let dumper: OpaquePointer
    private let memory: Memory
    private let snapLength: Int
    /// Nanoseconds of a time's smallest unit.
    private let unit: UInt64
    private let fileHeader: [UInt8]

    /// Where open_memstream(3) notes what it has.
    private final class Memory {
        let text = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: 1)
        let count = UnsafeMutablePointer<Int>.allocate(capacity: 1)

        init() {
            text.initialize(to: nil)
            count.initialize(to: 0)
        }

        deinit {
            free(text.pointee)
            text.deallocate()
            count.deallocate()
        }
    }

    init(_ settings: CaptureSettings) throws(CaptureError) {
        let memory = Memory()
        let noMemory = CaptureError(description: "not enough memory for a capture")
        guard
            let handle = pcap_open_dead_with_tstamp_precision(
                DLT_EN10MB, Int32(truncatingIfNeeded: settings.snapLength),
                UInt32(settings.isInMicroseconds ? PCAP_TSTAMP_PRECISION_MICRO : PCAP_TSTAMP_PRECISION_NANO))
        else { throw noMemory }
        guard let stream = open_memstream(memory.text, memory.count) else {
            pcap_close(handle)
            throw noMemory
        }
        guard let dumper = pcap_dump_fopen(handle, stream) else {
            fclose(stream)
            pcap_close(handle)
            throw noMemory
        }
        self.handle = handle
        self.dumper = dumper
        self.memory = memory
        snapLength = settings.snapLength
        unit = settings.isInMicroseconds ? 1000 : 1
        fileHeader = Self.take(memory, dumper)
    }

    /// A pcap says nothing of itself.
    func describe(_ origin: CaptureOrigin) {}

    deinit {
        pcap_dump_close(dumper)
        pcap_close(handle)
    }

    /// What libpcap has written since the last call.
    private static func take(_ memory: Memory, _ dumper: OpaquePointer) -> [UInt8] {
        guard let stream = pcap_dump_file(dumper) else { return [] }
        fflush(stream)
        let octets = [UInt8](UnsafeRawBufferPointer(start: memory.text.pointee, count: memory.count.pointee))
        fseeko(stream, 0, SEEK_SET)
        return octets
    }

    func header() -> [UInt8] { fileHeader }

    func block(_ frame: UnsafeRawBufferPointer, _ record: CaptureRecord, comment: String?) -> [UInt8] {
        var header = pcap_pkthdr()
        // With nanosecond precision libpcap takes tv_usec for nanoseconds.
        header.ts.tv_sec = Int(truncatingIfNeeded: record.time / 1_000_000_000)
        header.ts.tv_usec = Int(record.time % 1_000_000_000 / unit)
        header.len = record.length
        header.caplen = UInt32(truncatingIfNeeded: min(frame.count, snapLength, Int(record.snapLength)))
        pcap_dump(
            UnsafeMutableRawPointer(dumper).assumingMemoryBound(to: UInt8.self), &header,
            frame.baseAddress?.assumingMemoryBound(to: UInt8.self))
        return Self.take(memory, dumper)
    }

    /// Every octet of a pcap after its header is a frame's.
    func filler(_ count: Int) -> [UInt8] { [] }

    /// A pcap has no place for it.
    func trailer(_ statistics: CaptureStatistics) -> [UInt8] { [] }
}
