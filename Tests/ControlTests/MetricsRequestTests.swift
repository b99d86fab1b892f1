import Control
import Testing

/// What is asked for over HTTP.
@Suite struct MetricsRequestTests {
    @Test(
        "requests",
        arguments: [
            ("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", .metrics(isHead: false)),
            ("HEAD /metrics HTTP/1.0\r\n\r\n", .metrics(isHead: true)),
            ("GET /metrics?x=1 HTTP/1.1\r\n\r\n", .metrics(isHead: false)), ("GET / HTTP/1.1\r\n\r\n", .elsewhere),
            ("GET /metricsx HTTP/1.1\r\n\r\n", .elsewhere), ("POST /metrics HTTP/1.1\r\n\r\n", .otherMethod),
            ("GET /metrics\r\n\r\n", .malformed), ("\r\n\r\n", .malformed), ("GET  /metrics HTTP/1.1\r\n\r\n", .malformed),
            ("GET metrics HTTP/1.1\r\n\r\n", .malformed), ("{\"version\":1}\n\r\n\r\n", .malformed),
            ("GET /metrics HTTP/2.0\r\n\r\n", .malformed),
        ] as [(String, MetricsRequest)])
    func requests(_ text: String, _ expected: MetricsRequest) {
        #expect(MetricsRequest.isWhole(Array(text.utf8)))
        #expect(MetricsRequest(Array(text.utf8)) == expected)
    }

    @Test("a head without its empty line is not whole", arguments: ["", "\r\n", "GET /metrics HTTP/1.1\r\n", "GET /metrics HTTP/1.1\n\n"])
    func parts(_ text: String) { #expect(!MetricsRequest.isWhole(Array(text.utf8))) }

    @Test(
        "addresses",
        arguments: [
            ("127.0.0.1:9654", "127.0.0.1"), ("[::1]:9654", "::1"), ("0.0.0.0:9654", "0.0.0.0"), ("::1:9654", nil), ("127.0.0.1", nil),
            ("localhost:9654", nil), ("127.0.0.1:65536", nil), (":9654", nil), ("[127.0.0.1]:x", nil),
        ] as [(String, String?)])
    func addresses(_ text: String, _ host: String?) { #expect(MetricsSocket.parts(text)?.host == host) }
}
