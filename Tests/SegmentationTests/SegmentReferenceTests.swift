import Foundation
import Segmentation
import Testing
import Wire

/// A reference that shares nothing with Weir: scapy builds each segment from its headers. A lab test holds it to the kernel's segments.
@Suite struct SegmentReferenceTests {
    /// A super-frame as Reference/segments.py describes it.
    struct Case: Decodable {
        let name, frame: String
        /// Of a `virtio_net_hdr`: gso_type, csum_start, csum_offset, gso_size.
        let kind: UInt8
        let start, field, size: UInt16
        let segments: [String]
    }

    static let hasScapy =
        FileManager.default.isExecutableFile(atPath: "/usr/bin/python3")
        && FileManager.default.fileExists(atPath: "/usr/lib/python3/dist-packages/scapy")

    private static func cases() throws -> [Case] {
        let script = try #require(Bundle.module.url(forResource: "Reference/segments", withExtension: "py"))
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = [script.path, "cases"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return try JSONDecoder().decode([Case].self, from: output)
    }

    @Test(
        "super-frames of all kinds become the segments that scapy builds",
        .enabled(if: hasScapy || ProcessInfo.processInfo.environment["CI"] != nil, "python3-scapy is not installed (tools/setup)"))
    func segments() throws {
        let cases = try Self.cases()
        #expect(cases.count >= 90)
        for superFrame in cases {
            let frame = Self.bytes(superFrame.frame)
            let found = Self.segments(frame, superFrame, tag: nil)
            #expect(found == superFrame.segments, "\(superFrame.name)")
            // As a packet socket hands it over: the outermost tag beside the bytes.
            guard EtherType.isTag(frame.span.bytes.be16(at: 12)) else { continue }
            let tag = VLANTag(tpid: frame.span.bytes.be16(at: 12), tci: frame.span.bytes.be16(at: 14))
            let rest = Array(frame[..<12] + frame[16...])
            #expect(Self.segments(rest, superFrame, tag: tag) == superFrame.segments, "\(superFrame.name), the tag beside it")
        }
    }

    /// What the segmenter makes of it, with all checksums finished; a fault's name if it can't.
    private static func segments(_ frame: [UInt8], _ superFrame: Case, tag: VLANTag?) -> [String] {
        let offload = OffloadHeader(
            flags: OffloadHeader.needsChecksumFlag, type: superFrame.kind, segmentSize: superFrame.size,
            checksumStart: superFrame.start - (tag == nil ? 0 : UInt16(VLANTag.length)), checksumOffset: superFrame.field)
        var segmenter = Segmenter()
        if let fault = segmenter.begin(frame.span.bytes, tag: tag, offload) { return ["\(fault)"] }
        var segments: [String] = []
        var head = [UInt8](repeating: 0xee, count: Segmenter.headCapacity)
        while true {
            var memory = head.mutableSpan
            var span = memory.mutableBytes
            guard let piece = segmenter.next(into: &span) else { return segments }
            var segment = Array(head[..<piece.headLength] + frame[piece.payloadOffset..<piece.payloadOffset + piece.payloadLength])
            var segmentSpan = segment.mutableSpan
            var bytes = segmentSpan.mutableBytes
            Checksum.completePartial(in: &bytes, start: piece.checksumStart, offset: piece.checksumOffset)
            segments.append(segment.map { String(UInt16($0) | 0x100, radix: 16).dropFirst() }.joined())
        }
    }

    private static func bytes(_ text: String) -> [UInt8] {
        let digits = text.utf8.map { UInt8($0 > 0x39 ? $0 - 0x57 : $0 - 0x30) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
