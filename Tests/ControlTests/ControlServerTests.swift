import Control
import Foundation
import Glibc
import Testing

/// The server and clients of all kinds, over a socket.
@Suite(.serialized) struct ControlServerTests {
    private static let status = "{\"version\":1,\"command\":\"status\"}\n"
    private static let rules = "{\"version\":1,\"command\":\"rules\"}\n"
    private static let statusAnswer = "{\"item\":{\"state\":\"forwarding\"}}\n{\"end\":\"done\",\"version\":1}\n"

    private func ask(_ server: TestServer, _ call: ControlCall) throws -> [String] {
        var client = try ControlClient(server.path)
        var items: [String] = []
        try client.ask(call) { items.append($0) }
        return items
    }

    @Test("an answer, as JSON and as a text")
    func answers() throws {
        let server = try TestServer()
        defer { server.stop() }
        #expect(try ask(server, ControlCall(StatusRequest())) == ["{\"state\":\"forwarding\"}"])
        #expect(try ask(server, ControlCall(StatusRequest(), form: .text)) == ["forwarding\n"])
    }

    @Test("several requests on one connection, in one packet and byte by byte")
    func several() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try RawClient(server.path)
        client.send(Self.status + "{\"version\":1,\"command\":\"status\",\"id\":\"b\",\"as\":\"text\"}\n")
        for octet in Self.status { client.send(String(octet)) }
        client.endSending()
        let (text, isClosed) = client.readAll()
        #expect(isClosed)
        #expect(
            text == Self.statusAnswer + "{\"id\":\"b\",\"text\":\"forwarding\\n\"}\n{\"id\":\"b\",\"end\":\"done\",\"version\":1}\n"
                + Self.statusAnswer)
    }

    @Test("a wrong line is answered, and the connection goes on")
    func wrong() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try RawClient(server.path)
        client.send("\n{}\n" + Self.status)
        client.endSending()
        let lines = client.readAll().text.split(separator: "\n")
        #expect(lines.count == 4 && lines[0].contains("\"code\":\"malformed\"") && lines[1].contains("\"code\":\"malformed\""))
    }

    @Test("a line that is too long, or has no end, is refused and the connection closed")
    func tooLong() throws {
        var limits = ControlLimits()
        limits.lineBytes = 1000
        let server = try TestServer(limits)
        defer { server.stop() }
        for (text, words) in [(String(repeating: "x", count: 5000), "more than 1000 bytes"), ("{}", "no line feed")] {
            let client = try RawClient(server.path)
            client.send(text)
            if text == "{}" { client.endSending() }
            let (answer, isClosed) = client.readAll()
            #expect(isClosed && answer.contains(words), "\(answer)")
        }
    }

    @Test("what a client does not take is not made, and it loses its connection")
    func slowClient() throws {
        var limits = ControlLimits()
        limits.stuckTime = 1500
        let server = try TestServer(limits)
        defer { server.stop() }
        let slow = try RawClient(server.path)
        slow.send(Self.rules)
        usleep(300_000)
        let made = server.made
        // The kernel's buffer, the queue and a turn; 50,000 items are 6 MB.
        #expect(made > 0 && made < 6000, "\(made) items")
        // Others are answered meanwhile.
        #expect(try ask(server, ControlCall(StatusRequest())).count == 1)
        usleep(3_000_000)
        #expect(server.made == made)
        #expect(slow.readAll().isClosed)
    }

    @Test("a client that asks without end and reads nothing takes no processor")
    func deafClient() throws {
        let server = try TestServer()
        defer { server.stop() }
        let deaf = try RawClient(server.path)
        DispatchQueue.global().async { for _ in 0..<8000 { deaf.send(Self.rules) } }
        usleep(700_000)
        let before = server.used
        usleep(500_000)
        let used = server.used - before
        #expect(used < 100, "\(used) ms in 500 ms")
    }

    @Test("all of a long answer comes to two who take it at once")
    func longAnswers() throws {
        let server = try TestServer()
        defer { server.stop() }
        let clients = try (0..<2).map { _ in try RawClient(server.path) }
        for client in clients {
            client.send(Self.rules)
            client.endSending()
        }
        let start = ContinuousClock.now
        for client in clients {
            let lines = client.readAll().text.split(separator: "\n")
            #expect(lines.count == FakeDesk.items + 1 && lines.last == "{\"end\":\"done\",\"version\":1}")
        }
        // A queue that was full and was taken goes on at once, and not with the next tick.
        #expect(start.duration(to: .now) < .seconds(30))
    }

    @Test("who says nothing is disconnected, whatever bytes come that end no request")
    func idle() throws {
        var limits = ControlLimits()
        limits.idleTime = 500
        let server = try TestServer(limits)
        defer { server.stop() }
        let (silent, dripping) = (try RawClient(server.path), try RawClient(server.path))
        for _ in 0..<30 {
            dripping.send("x")
            usleep(100_000)
        }
        #expect(silent.readAll(0).isClosed && dripping.readAll(0).isClosed)
    }

    @Test("connections are counted, and one that ends makes room")
    func tooMany() throws {
        var limits = ControlLimits()
        limits.clients = 3
        limits.reserved = 0
        let server = try TestServer(limits)
        defer { server.stop() }
        var clients = try (0..<3).map { _ in try RawClient(server.path) }
        for client in clients {
            client.send(Self.status)
            #expect(client.readAll(200).text == Self.statusAnswer)
        }
        #expect(try RawClient(server.path).readAll().text.contains("\"code\":\"busy\""))
        clients.removeLast()
        usleep(200_000)
        #expect(try ask(server, ControlCall(StatusRequest())).count == 1)
    }

    @Test("an answer that waits for something else comes when that is there, and waits as long as it takes")
    func waiting() throws {
        var limits = ControlLimits()
        limits.idleTime = 300
        let server = try TestServer(limits)
        defer { server.stop() }
        let client = try RawClient(server.path)
        client.send("{\"version\":1,\"command\":\"reload\"}\n")
        #expect(client.readAll(1500) == ("", false))
        server.open()
        #expect(client.readAll(200).text == "{\"end\":\"done\",\"version\":1}\n")
    }

    @Test("a client that goes away in the middle of an answer costs nothing more")
    func goesAway() throws {
        let server = try TestServer()
        defer { server.stop() }
        for _ in 0..<20 {
            let client = try RawClient(server.path)
            client.send(Self.rules)
            usleep(2000)
        }
        #expect(try ask(server, ControlCall(StatusRequest())).count == 1)
        let made = server.made
        usleep(200_000)
        #expect(server.made == made)
    }
}
