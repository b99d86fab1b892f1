import Offline
import Ruleset

/// Each line is read as a packet, and all of them as a case file. What is refused is refused with words that can be shown; what is a
/// packet has frames, none of them longer than a datagram with its headers.
@c(LLVMFuzzerTestOneInput)
public func fuzzPackets(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let text = String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    var now: UInt64 = 0
    for line in text.split(separator: "\n", maxSplits: 32) {
        let before = now
        do throws(Diagnostic) {
            let packet = try PacketLanguage.packet(line, ports: ["A", "B"], after: &now)
            if packet.frames.isEmpty || packet.frames.contains(where: { $0.isEmpty || $0.count > 66_000 }) { report("frames: \(line)") }
            if !(0...1).contains(packet.ingress) { report("port: \(line)") }
            if packet.time != now || now < before { report("time: \(line)") }
        } catch {
            if error.render(in: [SourceFile(name: "packet", text: String(line))]).isEmpty { report("refused without a word: \(line)") }
        }
    }
    do throws(RejectedCases) {
        _ = try CaseFile(SourceFile(name: "cases", text: text), ports: ["A", "B"])
    } catch {
        if error.render().isEmpty { report("refused without a word") }
    }
    return 0
}

/// Ends the run: libFuzzer keeps the input.
func report(_ finding: String) -> Never {
    fatalError(finding)
}
