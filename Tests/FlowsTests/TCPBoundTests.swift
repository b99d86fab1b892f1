import Flows
import FrameBuilder
import Testing

/// The bounds of TCP's window, one by one: the last number that counts, and the first that doesn't.
@Suite struct TCPBoundTests {
    /// Windows of 1,000 on both sides, so that each may send up to 1,001.
    private static let small = """
        0 > S seq 0 win 1000 mss => new SYN_SENT unreplied
        0 < S. seq 0 ack 1 win 1000 mss => established SYN_RECV replied
        0 > . seq 1 ack 1 win 1000 => established ESTABLISHED assured

        """
    /// 2,000 bytes on their way, of which the first 1,000 are acknowledged.
    private static let sent = """
        0 > . seq 1 ack 1 win 1000 len 1000 => established ESTABLISHED assured
        0 < . seq 1 ack 1001 win 1000 => established ESTABLISHED assured
        0 > . seq 1001 ack 1 win 1000 len 1000 => established ESTABLISHED assured

        """
    /// 120,000 bytes, by windows that are not scaled.
    private static let large = """
        0 > S seq 0 mss => new SYN_SENT unreplied
        0 < S. seq 0 ack 1 mss => established SYN_RECV replied
        0 > . seq 1 ack 1 => established ESTABLISHED assured
        0 > . seq 1 ack 1 len 60000 => established ESTABLISHED assured
        0 < . seq 1 ack 60001 => established ESTABLISHED assured
        0 > . seq 60001 ack 1 len 60000 => established ESTABLISHED assured

        """
    /// A window of 0 behind 1,000 bytes.
    private static let closed = """
        0 > . seq 1 ack 1 win 1000 len 1000 => established ESTABLISHED assured
        0 < . seq 1 ack 1001 win 0 => established ESTABLISHED assured

        """

    /// What comes before, the packet, and how many packets then passed without being believed.
    static let cases: [(before: String, line: String, ignored: UInt64)] = [
        // The sequence number: no further than the receiver's window.
        (small, "1 > . seq 1001 ack 1 win 1000 => established", 0),
        (small, "1 > . seq 1002 ack 1 win 1000 => established", 1),
        (small, "1 > . seq 2000 ack 1 win 1000 => established", 1),
        (small, "1 > . seq 2001 ack 1 win 1000 => invalid", 0),
        // The end: no further back than a window.
        (small + sent, "1 > . seq 1 ack 1 win 1000 len 1000 => established", 0),
        (small + sent, "1 > . seq 1 ack 1 win 1000 len 999 => established", 1),
        // The acknowledgement: of nothing that was not sent,
        (small + sent, "1 < . seq 1 ack 2001 win 1000 => established", 0),
        (small + sent, "1 < . seq 1 ack 2002 win 1000 => invalid", 0),
        // and no further back than 66,000, or the window if that is larger.
        (large, "1 < . seq 1 ack 54001 => established", 0),
        (large, "1 < . seq 1 ack 54000 => established", 1),
        // A window of 0 may be probed with one byte.
        (small + closed, "1 > . seq 1001 ack 1 win 1000 len 1 => established", 0),
        (small + closed, "1 > . seq 1002 ack 1 win 1000 => established", 0),
        (small + closed, "1 > . seq 1003 ack 1 win 1000 => established", 1),
    ]

    @Test("the last that counts, and the first that doesn't", arguments: cases)
    func bound(_ test: (before: String, line: String, ignored: UInt64)) throws {
        var bench = Bench()
        for text in (test.before + test.line).split(separator: "\n") {
            let line = try Line(String(text))
            let packet = bench.take(line.frame.bytes, at: line.seconds).packet
            #expect(packet.state == line.state, "\(text)")
        }
        #expect(bench.counts["ignored", default: 0] == test.ignored)
    }
}
