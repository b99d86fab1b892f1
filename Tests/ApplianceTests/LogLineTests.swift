import Appliance
import Classifier
import Decisions
import FrameBuilder
import Reporting
import Ruleset
import Testing
import Wire

@Suite struct LogLineTests {
    static let lines: [(frame: Frame, line: String)] = [
        (
            Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2").udp(40_000, 53),
            "seen IN=a OUT=b MACSRC=%s MACDST=%d MACPROTO=0800 SRC=10.0.0.1 DST=10.0.0.2 LEN=28 PROTO=UDP SPT=40000 DPT=53"
        ),
        (
            Frame.ethernet().vlan(5).ipv6().tcp(1, 80),
            "seen IN=a OUT=b MACSRC=%s MACDST=%d MACPROTO=86dd VID=5 SRC=2001:db8::1 DST=2001:db8::2 LEN=60 PROTO=TCP SPT=1 DPT=80"
        ),
        (Frame.ethernet().arp(), "seen IN=a OUT=b MACSRC=%s MACDST=%d MACPROTO=0806"),
    ]

    @Test("an event reads like the kernel's", arguments: lines)
    func line(frame: Frame, line: String) throws {
        let text = "table bridge t {\nchain c { type filter hook forward priority 0;\nlog prefix \"seen \"\n}\n}\n"
        let program = try Program(compiling: Ruleset.read(SourceFile(name: "t", text: text)).ruleset, ports: ["a", "b"])
        let bytes = frame.bytes
        func mac(_ range: Range<Int>) -> String {
            bytes[range].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
        }
        let addresses = bytes.prefix(12).reduce(0 as UInt128) { $0 << 8 | UInt128($1) }
        let record = LogRecord(
            event: LoggedStatement(rule: 0, statement: 0), time: 0, ingress: 0, addresses: addresses,
            frame: ParsedFrame.parse(bytes.span.bytes, tag: nil))
        var expected = line
        for (mark, text) in [("%s", mac(6..<12)), ("%d", mac(0..<6))] {
            if let range = expected.firstRange(of: mark) { expected.replaceSubrange(range, with: text) }
        }
        #expect(LogLine.text(of: record, program, ports: ["a", "b"]) == expected)
    }

    @Test func `a queue that is full counts, and goes on when there is room`() {
        let queue = LogQueue()
        func offer(_ number: Int) {
            queue.offer(
                LogRecord(
                    event: LoggedStatement(rule: RuleIndex(number), statement: 0), time: 0, ingress: 0, addresses: 0,
                    frame: ParsedFrame.parse([UInt8](repeating: 0, count: 60).span.bytes, tag: nil)))
        }
        for number in 0..<LogQueue.capacity + 3 { offer(number) }
        #expect(queue.lost == 3)
        #expect(queue.take()?.event?.rule == 0)
        offer(999)
        var last = RuleIndex.none
        while let record = queue.take() { last = record.event?.rule ?? .none }
        #expect(last == 999 && queue.lost == 3)
    }
}
