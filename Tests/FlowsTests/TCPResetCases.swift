import Flows

/// Which resets are believed: the very next one in sequence, and one that answers what was let through (RFC 9293, section 3.10.7;
/// RFC 5961, section 3.2).
extension TCPCase {
    static let resets: [TCPCase] = [
        TCPCase(
            "a reset must be the next in sequence (conntrack_rst_invalid)",
            unscaled + """
                0.2 < R seq 0 win 0 => invalid
                0.2 < R seq 1000000 win 0 => invalid
                0.2 < R seq 42 win 0 => invalid
                0.2 > P. seq 1 ack 2002 len 1000 => established ESTABLISHED assured
                0.3 < . seq 2002 ack 1001 => established ESTABLISHED assured
                0.3 < R. seq 2001 ack 1001 win 0 => invalid
                0.3 < R. seq 2002 ack 1001 win 0 => established CLOSE assured
                """),
        TCPCase(
            "a reset in the window, not the next: it passes, the flow stays",
            unscaled + """
                0.3 < R seq 2100 win 0 => established ESTABLISHED assured
                0.3 > . seq 1 ack 2002 => established ESTABLISHED assured
                0.3 < R seq 2002 win 0 => established CLOSE assured
                """),
        TCPCase(
            "a reset right behind data that nobody has acknowledged yet",
            unscaled + """
                0.3 < P. seq 2002 ack 1 len 19 => established ESTABLISHED assured
                0.3 < R. seq 2021 ack 1 win 0 => established CLOSE assured
                """),
        TCPCase(
            "an inexact reset while closing passes (conntrack_inexact_rst)",
            unscaled + """
                0.3 > P. seq 1 ack 2002 len 1000 => established ESTABLISHED assured
                0.3 < F. seq 2002 ack 1001 => established FIN_WAIT assured
                0.3 > . seq 1001 ack 2003 => established CLOSE_WAIT assured
                1.3 > R. seq 1001 ack 2003 => established CLOSE assured
                1.4 < R seq 1002 win 0 => established CLOSE assured
                """),
        TCPCase(
            "a reset answers a SYN of the other side, not one of its own",
            """
            0 > S seq 0 mss => new SYN_SENT unreplied
            0 < . seq 5000 ack 900 => established SYN_SENT replied
            1 > S seq 0 mss => established SYN_SENT replied
            1 > R. seq 7000 ack 5000 win 0 => invalid
            1 < R. seq 0 ack 1 win 0 => established CLOSE replied
            """),
        TCPCase(
            "a reset with numbers of its own behind an ignored SYN closes if it comes from the other side",
            handshake + """
                1 > S seq 500000000 mss => established ESTABLISHED assured
                1 > R. seq 700000000 ack 500000001 win 0 => invalid
                1 > S seq 500000000 mss => established ESTABLISHED assured
                1 < R. seq 700000000 ack 500000001 win 0 => established CLOSE assured
                """),
        TCPCase(
            "resets below the window pass where they are to",
            unscaled + """
                0.2 < R seq 0 win 0 => established ESTABLISHED assured
                """
        ) { $0.ignoresInvalidReset = true },
    ]
}
