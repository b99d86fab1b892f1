import Ruleset
import Testing

@Suite struct PrintableTextTests {
    @Test(
        "control and format characters are written out",
        arguments: [
            ("eth1", "eth1"), ("", ""), ("Größe 日本 🙂", "Größe 日本 🙂"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"), ("a\u{7f}b", "a\\u{7f}b"), ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}fdp.exe", "\\u{202e}fdp.exe"), ("a\u{2028}b", "a\\u{2028}b"), ("a\r\u{8}b", "a\\u{d}\\u{8}b"),
        ])
    func escapes(_ text: String, _ expected: String) {
        #expect(PrintableText.line(text) == expected)
        #expect(PrintableText.lines(text) == expected)
    }

    @Test func `breaks and tabs stay between lines only`() {
        #expect(PrintableText.line("a\n\tb") == "a\\u{a}\\u{9}b")
        #expect(PrintableText.lines("a\n\tb\u{1b}") == "a\n\tb\\u{1b}")
    }

    @Test func `JSON stays JSON`() {
        #expect(PrintableText.json("{\"a\":\"\u{9b}x\u{202e}\"}\n") == "{\"a\":\"\\u009bx\\u202e\"}\n")
        #expect(PrintableText.json("\"\u{e0001}\"") == "\"\\udb40\\udc01\"")
    }
}
