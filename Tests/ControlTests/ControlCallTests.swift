import Control
import Testing

/// Lines of the control protocol, right and wrong.
@Suite struct ControlCallTests {
    private func read(_ line: String) throws(ControlFault) -> ControlCall { try ControlCall(line: Array(line.utf8)) }

    @Test("a request says what it asks for")
    func requests() throws {
        let call = try read(#"{"version":1,"command":"counters","id":"a-1","as":"text","with":{"reset":true}}"#)
        #expect(call.id == "a-1" && call.form == .text)
        #expect(call.request as? CountersRequest == CountersRequest(reset: true))
        #expect(call.request.changes)
        let short = try read(#"{"command":"status","version":1}"#)
        #expect(short.id == nil && short.form == .json && short.request is StatusRequest && !short.request.changes)
    }

    @Test("what a client writes is what is read", arguments: ControlForm.allCases)
    func roundTrip(_ form: ControlForm) throws {
        let call = ControlCall(CountersRequest(reset: true), form: form, id: "x")
        let line = try call.line
        #expect(line.hasSuffix("\n") && line.count(where: \.isNewline) == 1)
        let again = try read(String(line.dropLast()))
        #expect(again.form == form && again.id == "x" && again.request as? CountersRequest == CountersRequest(reset: true))
    }

    @Test(
        "what can't be read is refused with a reason",
        arguments: [
            ("", "malformed", "the line is not an object of JSON"),
            ("nonsense", "malformed", "the line is not an object of JSON"),
            ("[]", "malformed", "the line has another type"),
            (#"{"command":"status"}"#, "malformed", "version is missing"),
            (#"{"version":1}"#, "malformed", "command is missing"),
            (#"{"version":"1","command":"status"}"#, "malformed", "version has another type"),
            (#"{"version":2,"command":"status"}"#, "version", "version 2 is not spoken here; version 1 is"),
            (#"{"version":1,"command":"shutdown"}"#, "unknown", "there is no command of that name"),
            (#"{"version":1,"command":"status","user":"root"}"#, "malformed", "user has a value that is not possible there"),
            (#"{"version":1,"command":"status","with":{"x":1}}"#, "malformed", "with has a member that the command does not know: x"),
            (#"{"version":1,"command":"status","with":{"none":1}}"#, "malformed", "with has a member that the command does not know: none"),
            (#"{"version":1,"command":"counters","with":{"reset":1}}"#, "malformed", "with.reset has another type"),
            (#"{"version":1,"command":"status","with":[]}"#, "malformed", "with has another type"),
            (#"{"version":1,"command":"status","as":"xml"}"#, "malformed", "as has a value that is not possible there"),
            (
                #"{"version":1,"command":"status","id":"a b"}"#, "malformed",
                "id takes 1 to 64 letters, digits, dots, hyphens and underscores"
            ),
            (
                "{\"version\":1,\"command\":\"status\",\"\\u001b[2J\":1}", "malformed",
                "?[2J has a value that is not possible there"
            ),
        ])
    func refused(_ line: String, _ code: String, _ message: String) {
        #expect(throws: ControlFault.self) { try read(line) }
        do throws(ControlFault) {
            _ = try read(line)
        } catch {
            #expect(error.code.rawValue == code && error.message == message)
        }
    }

    @Test("a bottomless line ends in a refusal", arguments: ["[", "{\"a\":", "\"", "9"])
    func depth(_ part: String) {
        #expect(throws: ControlFault.self) { try read(String(repeating: part, count: 60_000)) }
    }

    @Test("each command has a word and members of its own")
    func table() {
        let words = ControlCommands.all.map { $0.command }
        #expect(Set(words).count == words.count)
    }

    @Test("texts are JSON in ASCII")
    func texts() {
        #expect(JSONText.quoted("a\"b\\c\n\u{1b}é\u{1F600}") == #""a\"b\\c\n\u001b\u00e9\ud83d\ude00""#)
    }
}
