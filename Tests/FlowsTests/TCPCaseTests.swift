import Flows
import FrameBuilder
import Testing

struct TCPCase: Sendable, CustomTestStringConvertible {
    var name: String
    var lines: String
    var settings = FlowSettings(flows: 64, flowsPerSource: 64)
    var testDescription: String { name }

    init(_ name: String, _ lines: String, _ change: (inout FlowSettings) -> Void = { _ in }) {
        self.name = name
        self.lines = lines
        change(&settings)
    }

    static let handshake = """
        0.0 > S seq 0 mss sackok ws 8 => new SYN_SENT unreplied
        0.1 < S. seq 0 ack 1 mss sackok ws 7 => established SYN_RECV replied
        0.2 > . seq 1 ack 1 => established ESTABLISHED assured

        """
    /// As packetdrill's tests of the kernel begin: without a scale on the other side.
    static let unscaled = """
        0.1 > S seq 0 mss sackok ws 8 => new SYN_SENT unreplied
        0.2 < S. seq 1 ack 1 mss => established SYN_RECV replied
        0.2 > . seq 1 ack 2 => established ESTABLISHED assured
        0.2 < . seq 2 ack 1 len 1000 => established ESTABLISHED assured
        0.2 < . seq 1002 ack 1 len 1000 => established ESTABLISHED assured
        0.2 > . seq 1 ack 2002 => established ESTABLISHED assured

        """

    static let all: [TCPCase] =
        [
            TCPCase(
                "open and close",
                handshake + """
                    1 > P. seq 1 ack 1 len 100 => established ESTABLISHED assured
                    1 < . seq 1 ack 101 => established ESTABLISHED assured
                    2 > F. seq 101 ack 1 => established FIN_WAIT assured
                    2 < . seq 1 ack 102 => established CLOSE_WAIT assured
                    2 < F. seq 1 ack 102 => established LAST_ACK assured
                    2 > . seq 102 ack 2 => established TIME_WAIT assured
                    """),
            TCPCase(
                "half-close: data goes on for long the other way",
                handshake + """
                    1 > F. seq 1 ack 1 => established FIN_WAIT assured
                    1 < . seq 1 ack 2 => established CLOSE_WAIT assured
                    50 < . seq 1 ack 2 len 1000 => established CLOSE_WAIT assured
                    50 > . seq 2 ack 1001 => established CLOSE_WAIT assured
                    100 < . seq 1001 ack 2 len 1000 => established CLOSE_WAIT assured
                    100 < F. seq 2001 ack 2 => established LAST_ACK assured
                    100 > . seq 2 ack 2002 => established TIME_WAIT assured
                    """),
            TCPCase(
                "simultaneous open",
                """
                0 > S seq 100 mss sackok => new SYN_SENT unreplied
                0 < S seq 500 mss sackok => established SYN_SENT2 replied
                0 > S. seq 100 ack 501 mss sackok => established SYN_RECV replied
                0 < S. seq 500 ack 101 mss sackok => established SYN_RECV replied
                0 > . seq 101 ack 501 => established ESTABLISHED assured
                """),
            TCPCase(
                "simultaneous open, the last ACK from the other side",
                """
                0 > S seq 100 mss sackok => new SYN_SENT unreplied
                0 < S seq 500 mss sackok => established SYN_SENT2 replied
                0 > S. seq 100 ack 501 mss sackok => established SYN_RECV replied
                0 < . seq 501 ack 101 => established ESTABLISHED assured
                """),
            TCPCase(
                "refused",
                """
                0 > S seq 0 mss => new SYN_SENT unreplied
                0 < R. seq 0 ack 1 win 0 => established CLOSE gone
                0 > S seq 0 mss => new SYN_SENT unreplied
                """),
            TCPCase(
                "an ACK before the answer, a SYN/ACK and a FIN out of nothing",
                """
                0 > S seq 0 mss => new SYN_SENT unreplied
                0 > . seq 1 ack 1 => invalid
                0 > F. seq 1 ack 1 => invalid
                0 < F. seq 1 ack 1 => invalid
                """),
            TCPCase(
                "nothing begins with a SYN/ACK, a FIN or a reset",
                """
                0 > S. seq 0 ack 1 => invalid
                0 > F. seq 0 ack 1 => invalid
                0 > R seq 0 => invalid
                """),
            TCPCase(
                "retransmitted SYN does not live longer",
                """
                0 > S seq 0 mss => new SYN_SENT unreplied
                100 > S seq 0 mss => new SYN_SENT unreplied
                121 < S. seq 0 ack 1 => invalid
                """),
            TCPCase(
                "a challenge to a SYN, its reset, a SYN once more (conntrack_syn_challenge_ack)",
                """
                0.1 > S seq 0 mss sackok ws 8 => new SYN_SENT unreplied
                0.1 < . seq 145824453 ack 643160523 win 240 => established SYN_SENT replied
                0.11 > R seq 643160523 win 0 => established CLOSE replied
                0.12 > S seq 0 mss sackok ws 8 => new SYN_SENT unreplied
                0.22 < S. seq 0 ack 1 win 250 mss ws 0 => established SYN_RECV replied
                0.23 > . seq 1 ack 1 win 256 => established ESTABLISHED assured
                """),
            TCPCase(
                "a stale SYN/ACK is invalid, the right one is not (conntrack_synack_old)",
                """
                0.1 > S seq 0 mss sackok ws 8 => new SYN_SENT unreplied
                0.1 < S. seq 145824453 ack 643160523 win 240 mss ws 0 => invalid
                1.01 > S seq 0 mss sackok ws 8 => new SYN_SENT unreplied
                1.02 < S. seq 145758918 ack 1 win 250 mss ws 0 => established SYN_RECV replied
                1.03 > . seq 1 ack 145758919 win 256 => established ESTABLISHED assured
                """),
            TCPCase(
                "a SYN in an open connection: challenge, reset, SYN (conntrack_synack_reuse)",
                """
                0 > S seq 0 win 32792 mss ws 7 => new SYN_SENT unreplied
                0 < S. seq 0 ack 1 mss ws 8 => established SYN_RECV replied
                0.01 > . seq 1 ack 1 win 257 => established ESTABLISHED assured
                0.01 > P. seq 1 ack 1 win 257 len 100 => established ESTABLISHED assured
                0.01 < . seq 1 ack 101 win 256 => established ESTABLISHED assured
                1.0 > S seq 2000 win 32792 mss ws 7 => established ESTABLISHED assured
                1.0 < . seq 1 ack 101 win 256 => established ESTABLISHED assured
                1.0 > R. seq 101 ack 1 win 257 => established CLOSE assured
                1.5 > S seq 2000 win 32792 mss ws 0 => new SYN_SENT unreplied
                1.5 < S. seq 9000 ack 2001 mss ws 0 => established SYN_RECV replied
                """),
            TCPCase(
                "an ignored SYN that is answered takes the connection over",
                handshake + """
                    5 > S seq 7000 mss ws 3 => established ESTABLISHED assured
                    5 < S. seq 9000 ack 7001 mss ws 4 => established SYN_RECV assured
                    5 > . seq 7001 ack 9001 => established ESTABLISHED assured
                    5 < P. seq 9001 ack 7001 len 100 => established ESTABLISHED assured
                    """),
            TCPCase(
                "acknowledged data again (conntrack_ack_loss_stall)",
                """
                0 > S seq 0 win 32792 mss => new SYN_SENT unreplied
                0 < S. seq 0 ack 1 mss => established SYN_RECV replied
                0.1 > . seq 1 ack 1 => established ESTABLISHED assured
                0.1 > P. seq 1 ack 1 win 257 len 30000 => established ESTABLISHED assured
                0.1 < . seq 1 ack 30001 => established ESTABLISHED assured
                0.1 > P. seq 30001 ack 1 win 257 len 30000 => established ESTABLISHED assured
                0.1 < . seq 1 ack 60001 => established ESTABLISHED assured
                0.1 > P. seq 60001 ack 1 win 257 len 10000 => established ESTABLISHED assured
                0.1 < . seq 1 ack 70001 => established ESTABLISHED assured
                0.2 > P. seq 1 ack 1 win 257 len 1460 => established ESTABLISHED assured
                0.2 < . seq 1 ack 70001 => established ESTABLISHED assured
                """),
            TCPCase(
                "a SYN opens a closed connection again",
                handshake + """
                    1 > F. seq 1 ack 1 => established FIN_WAIT assured
                    1 < F. seq 1 ack 2 => established LAST_ACK assured
                    1 > . seq 2 ack 2 => established TIME_WAIT assured
                    2 > S seq 5000 mss => new SYN_SENT unreplied
                    2 < S. seq 6000 ack 5001 mss => established SYN_RECV replied
                    2 > . seq 5001 ack 6001 => established ESTABLISHED assured
                    """),
            TCPCase(
                "the other side may open it again too",
                handshake + """
                    1 > F. seq 1 ack 1 => established FIN_WAIT assured
                    1 < F. seq 1 ack 2 => established LAST_ACK assured
                    1 > . seq 2 ack 2 => established TIME_WAIT assured
                    2 < S seq 5000 mss => new SYN_SENT unreplied
                    """),
            TCPCase(
                "a challenge in LAST_ACK is not the last ACK",
                handshake + """
                    1 > F. seq 1 ack 1 => established FIN_WAIT assured
                    1 < F. seq 1 ack 2 => established LAST_ACK assured
                    1 > S seq 9000 mss => established LAST_ACK assured
                    1 < . seq 2 ack 2 => established LAST_ACK assured
                    1 > . seq 2 ack 2 => established TIME_WAIT assured
                    """),
            TCPCase(
                "beyond the window",
                """
                0 > S seq 0 win 1000 mss => new SYN_SENT unreplied
                0 < S. seq 0 ack 1 win 1000 mss => established SYN_RECV replied
                0 > . seq 1 ack 1 win 1000 => established ESTABLISHED assured
                1 > . seq 1 ack 1 win 1000 len 1000 => established ESTABLISHED assured
                1 > . seq 3000 ack 1 win 1000 len 1000 => invalid
                1 < . seq 1 ack 1500 win 1000 => invalid
                1 < . seq 1 ack 1001 win 1000 => established ESTABLISHED assured
                """),
            TCPCase(
                "a little beyond the window is taken, and its answer is known",
                """
                0 > S seq 0 win 1000 mss => new SYN_SENT unreplied
                0 < S. seq 0 ack 1 win 1000 mss => established SYN_RECV replied
                0 > . seq 1 ack 1 win 1000 => established ESTABLISHED assured
                1 > . seq 1 ack 1 win 1000 len 1000 => established ESTABLISHED assured
                1 > . seq 1002 ack 1 win 1000 len 500 => established ESTABLISHED assured
                1 < . seq 1 ack 1502 win 1000 => established ESTABLISHED assured
                """),
            TCPCase(
                "a FIN beyond the window does not close, so that a SYN does not open anew",
                """
                0 > S seq 0 win 1000 mss => new SYN_SENT unreplied
                0 < S. seq 0 ack 1 win 1000 mss => established SYN_RECV replied
                0 > . seq 1 ack 1 win 1000 => established ESTABLISHED assured
                1 > F. seq 1100 ack 1 win 1000 => established ESTABLISHED assured
                1 > S seq 9000 mss => established ESTABLISHED assured
                """),
            TCPCase(
                "windows are scaled by what both offered",
                handshake + """
                    1 < . seq 1 ack 1 win 65535 => established ESTABLISHED assured
                    1 > . seq 1 ack 1 len 60000 => established ESTABLISHED assured
                    1 > . seq 60001 ack 1 len 60000 => established ESTABLISHED assured
                    1 > . seq 8000001 ack 1 len 100 => established ESTABLISHED assured
                    1 > . seq 30000001 ack 1 len 100 => invalid
                    """),
            TCPCase(
                "without the other's offer they are not",
                """
                0 > S seq 0 win 1000 mss ws 8 => new SYN_SENT unreplied
                0 < S. seq 0 ack 1 win 1000 mss => established SYN_RECV replied
                0 > . seq 1 ack 1 win 1000 => established ESTABLISHED assured
                1 < . seq 5000 ack 1 win 1000 len 10 => invalid
                """),
            TCPCase(
                "SACK acknowledges: beyond what was sent it is invalid",
                handshake + """
                    1 > . seq 1 ack 1 len 1000 => established ESTABLISHED assured
                    1 < . seq 1 ack 1 sack 501-1001 => established ESTABLISHED assured
                    1 < . seq 1 ack 1 sack 501-9001 => invalid
                    """),
            TCPCase(
                "liberal: only resets can be out of the window",
                """
                0 > S seq 0 win 1000 mss => new SYN_SENT unreplied
                0 < S. seq 0 ack 1 win 1000 mss => established SYN_RECV replied
                0 > . seq 1 ack 1 win 1000 => established ESTABLISHED assured
                1 > . seq 300000 ack 1 win 1000 len 1000 => established ESTABLISHED assured
                1 < R seq 0 win 0 => invalid
                """
            ) { $0.isTCPLiberal = true },
            TCPCase(
                "picked up in the middle",
                """
                0 > . seq 1000 ack 5000 win 100 len 10 => new ESTABLISHED unreplied
                0 < . seq 5000 ack 1010 win 100 len 10 => established ESTABLISHED replied
                0 > . seq 400000 ack 5010 win 100 len 10 => established ESTABLISHED assured
                """),
            TCPCase(
                "picked up at a keep-alive, which is a byte before what its answer acknowledges",
                """
                0 > . seq 999 ack 5000 win 100 => new ESTABLISHED unreplied
                0 < . seq 5000 ack 1000 win 100 => established ESTABLISHED replied
                0 > R seq 999 win 0 => invalid
                """),
            TCPCase(
                "strict: nothing is picked up behind the grace time",
                """
                59 > . seq 1000 ack 5000 => new ESTABLISHED unreplied
                59 < . seq 5000 ack 1000 => established ESTABLISHED replied
                61 > . seq 1000 ack 5000 => established ESTABLISHED assured
                """
            ) { $0.tcp = .strict },
            TCPCase(
                "strict, without grace",
                """
                0 > . seq 1000 ack 5000 => invalid
                0 > S seq 0 mss => new SYN_SENT unreplied
                """
            ) {
                $0.tcp = .strict; $0.graceTime = 0
            },
            TCPCase(
                "off: addresses and ports",
                """
                0 > . seq 1000 ack 5000 => new unreplied
                0 < . seq 77 ack 99 => established replied
                0 > . seq 1 ack 1 => established assured
                0 > R seq 1 => established assured
                0 > FS seq 1 => invalid
                """
            ) { $0.tcp = .off },
            TCPCase(
                "flags that don't go together",
                handshake + """
                    1 > SF seq 1 => invalid
                    1 > SR seq 1 => invalid
                    1 > F seq 1 => invalid
                    1 > P seq 1 => invalid
                    1 > FUP seq 1 => invalid
                    1 > PU. seq 1 ack 1 => established ESTABLISHED assured
                    """),
            TCPCase(
                "a super-frame counts as what it holds",
                handshake + """
                    1 > P. seq 1 ack 1 len 65000 => established ESTABLISHED assured
                    1 < . seq 1 ack 65001 => established ESTABLISHED assured
                    1 < . seq 1 ack 65002 => invalid
                    """),
            TCPCase(
                "sequence numbers come around",
                """
                0 > S seq 4294967290 mss => new SYN_SENT unreplied
                0 < S. seq 4294967295 ack 4294967291 mss => established SYN_RECV replied
                0 > . seq 4294967291 ack 0 => established ESTABLISHED assured
                0 > P. seq 4294967291 ack 0 len 100 => established ESTABLISHED assured
                0 < . seq 0 ack 95 => established ESTABLISHED assured
                0 < R seq 0 win 0 => established CLOSE assured
                """),
        ] + resets
}

@Suite("TCP cases")
struct TCPCaseTests {
    @Test("each packet's state, and the connection's behind it", arguments: TCPCase.all)
    func cases(_ example: TCPCase) throws {
        for isIPv6 in [false, true] {
            var bench = Bench(example.settings)
            for text in example.lines.split(separator: "\n") {
                let line = try Line(String(text), Side(isIPv6: isIPv6))
                let (packet, flow) = bench.take(line.frame.bytes, at: line.seconds, isChecksumKnown: false)
                #expect(packet.state == line.state, "\(line.text): \(packet)")
                if let name = line.name { #expect(flow?.state?.name == name, "\(line.text)") }
                switch line.status {
                case "gone"?: #expect(bench.tracker.count == 0, "\(line.text)")
                case let status?: #expect(flow?.statusName == status, "\(line.text)")
                case nil: break
                }
            }
        }
    }

    @Test("a dropped packet of a known connection changes it all the same, a new flow's is forgotten")
    func dropped() throws {
        var bench = Bench()
        bench.isAccepting = false
        #expect(bench.take(try Line("0 > S seq 0 mss => new").frame.bytes).packet.state == .new)
        #expect(bench.tracker.count == 0)
        bench.isAccepting = true
        for text in TCPCase.handshake.split(separator: "\n") { bench.take(try Line(String(text)).frame.bytes) }
        bench.isAccepting = false
        bench.take(try Line("1 > F. seq 1 ack 1 => established").frame.bytes)
        bench.isAccepting = true
        #expect(bench.take(try Line("1 < . seq 1 ack 2 => established").frame.bytes).flow?.state?.name == "CLOSE_WAIT")
        #expect(bench.counts == ["new": 2, "confirmed": 1])
    }
}
