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
    // Rules may change the frame, and libFuzzer's bytes stay as they are.
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: count - 1, alignment: 16)
    defer { copy.deallocate() }
    copy.copyMemory(from: UnsafeRawBufferPointer(start: bytes + 1, count: count - 1))
    var changed = copy.mutableBytes
    let tag = bytes[0] & 2 == 0 ? nil : VLANTag(tpid: 0x8100, tci: 5)
    let parsed = ParsedFrame.parse(frame, tag: tag)
    let instant = Instant(monotonic: 0, sinceEpoch: 0)
    let hits = HitCounters(for: subject.program)
    var changedFrame = parsed
    let found = subject.program.classify(&changed, &changedFrame, ingress: ingress, at: instant, hits: hits)
    let walked = subject.interpreter.classify(frame, parsed, ingress: ingress, at: instant)
    precondition(found == walked.classification, "program: \(found), interpreter: \(walked.classification)")
    for rule in subject.program.rules.indices {
        precondition(hits.rule(rule).frames == UInt64(walked.matchedRules.count { $0 == rule }), "rule \(rule)")
    }
    // The interpreter's bytes have the outermost tag in its place.
    if tag == nil { precondition(walked.bytes.elementsEqual(copy), "changed otherwise") }
    copy.copyMemory(from: UnsafeRawBufferPointer(start: bytes + 1, count: count - 1))
    var firewall = Firewall(program: subject.program, counters: FirewallCounters(for: subject.program))
    let judgement = firewall.judge(&changed, tag: tag, ingress: ingress, at: instant)
    if parsed.malformation != nil {
        precondition(judgement.verdict == .drop)
    } else if parsed.isFragment {
        precondition(judgement.verdict != .accept, "no datagram is whole")
    } else {
        precondition((judgement.verdict == .accept) == (found.verdict == .accept))
    }
    return 0
}

struct Subject {
    var program: Program
    var interpreter: Interpreter
}

/// Every field with a name, read and set, in chains that jump, and with maps.
/// libFuzzer calls from one thread.
nonisolated(unsafe) let subjects: [Subject] = {
    let fields = Field.allCases.filter { !$0.isInterface }.map(\.words)
    let comparisons: [(String) -> String] = [
        { "\($0) > 1" }, { "\($0) != 0" }, { "\($0) { 1, 6, 17 }" }, { "\($0) 0-100" }, { "\($0) set 1" },
    ]
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
