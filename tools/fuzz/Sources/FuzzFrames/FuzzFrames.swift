import Classifier
import Firewall
import Ruleset
import Wire

/// The first byte chooses a rule set, the ingress port and whether the tag is given apart; the rest is a frame. Program and
/// interpreter say the same of it, and whatever it is, the firewall comes to a verdict.
@c(LLVMFuzzerTestOneInput)
public func fuzzFrames(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    guard let bytes, count > 0 else { return 0 }
    let subject = subjects[Int(bytes[0] >> 2) % subjects.count]
    let ingress = bytes[0] & 1
    let frame = RawSpan(_unsafeStart: bytes + 1, byteCount: count - 1)
    let tag = bytes[0] & 2 == 0 ? nil : VLANTag(tpid: 0x8100, tci: 5)
    let parsed = ParsedFrame.parse(frame, tag: tag)
    let hits = HitCounters(for: subject.program)
    let found = subject.program.classify(frame, parsed, ingress: ingress, hits: hits)
    let walked = subject.interpreter.classify(frame, parsed, ingress: ingress)
    precondition(found == walked.classification, "program: \(found), interpreter: \(walked.classification)")
    for rule in subject.program.rules.indices {
        precondition(hits.rule(rule).frames == UInt64(walked.matchedRules.count { $0 == rule }), "rule \(rule)")
    }
    var firewall = Firewall(program: subject.program, counters: FirewallCounters(for: subject.program))
    let judgement = firewall.judge(frame, tag: tag, ingress: ingress)
    precondition(parsed.malformation == nil ? judgement.verdict == found.verdict : judgement.verdict == .drop)
    return 0
}

struct Subject: Sendable {
    var program: Program
    var interpreter: Interpreter
}

/// Every field with a name, in chains that jump, and with maps.
let subjects: [Subject] = {
    let fields = Field.allCases.filter { !$0.isInterface }.map(\.words)
    let comparisons: [(String) -> String] = [{ "\($0) > 1" }, { "\($0) != 0" }, { "\($0) { 1, 6, 17 }" }, { "\($0) 0-100" }]
    let files = comparisons.map { comparison in
        let rules = fields.map { "\(comparison($0)) counter\n" }.joined()
        return """
            table bridge t {
            chain deep {
            tcp dport vmap { 0-1000 : return, 1001-40000 : accept, 50000 : drop }
            }
            chain c {
            type filter hook forward priority 0; policy drop;
            iifname "a" counter
            meta l4proto tcp counter jump deep
            \(rules)
            meta length > 60 accept
            }
            }

            """
    }
    return files.compactMap { file in
        // A selector may not take a comparison: those rules are left out.
        var lines = file.split(separator: "\n", omittingEmptySubsequences: false)
        for _ in 0..<fields.count {
            let text = lines.joined(separator: "\n")
            do throws(RejectedRuleset) {
                let ruleset = try Ruleset.read(SourceFile(name: "f", text: text)).ruleset
                guard let program = try? Program(compiling: ruleset, ports: ["a", "b"]) else { return nil }
                return Subject(program: program, interpreter: Interpreter(ruleset, ports: ["a", "b"]))
            } catch {
                for line in Set(error.diagnostics.filter { $0.severity == .error }.map(\.location.line)) { lines[line - 1] = "" }
            }
        }
        return nil
    }
}()
