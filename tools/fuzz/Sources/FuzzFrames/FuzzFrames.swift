import Classifier
import Decisions
import Firewall
import Flows
import Fragments
import Interpreter
import Ruleset
import Storage
import Wire

/// Rule sets are compiled before the first input: with all that looks on here it takes longer than an input may.
@c(LLVMFuzzerInitialize)
public func prepareFrames(_ count: UnsafeMutablePointer<Int32>?, _ arguments: UnsafeMutableRawPointer?) -> Int32 {
    subjects.isEmpty ? 1 : 0
}

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
    // Where connections are followed, rules see more of them in the firewall than a frame alone tells.
    let isFollowed = !subject.program.connectionNeeds.isEmpty
    // The interpreter's bytes have the outermost tag in its place.
    if tag == nil { precondition(walked.bytes.elementsEqual(copy), "changed otherwise") }
    copy.copyMemory(from: UnsafeRawBufferPointer(start: bytes + 1, count: count - 1))
    // Memory for one frame, and not for a box's: it is set aside anew for each.
    let fragments = FragmentGatherer(limits: FragmentLimits(bytes: FragmentLimits.smallestBytes))
    var firewall = Firewall(
        program: subject.program, counters: FirewallCounters(for: subject.program), fragments: fragments, flows: FlowSettings(flows: 16))
    let judgement = firewall.judge(&changed, tag: tag, ingress: ingress, at: instant)
    if parsed.malformation != nil {
        precondition(judgement.verdict == .drop)
    } else if parsed.isFragment {
        precondition(judgement.verdict != .accept, "no datagram is whole")
    } else if !isFollowed {
        precondition((judgement.verdict == .accept) == (found.verdict == .accept))
    }
    return 0
}

struct Subject {
    var program: Program
    var interpreter: Interpreter
}

/// Rule sets without a memory: what they say of a frame does not depend on those before it.
/// libFuzzer calls from one thread.
nonisolated(unsafe) let subjects: [Subject] = (fieldFiles + Family.allCases.map(keyFile)).compactMap { file in
    // A selector may not take a comparison, and a family may not see a protocol: those rules are left out.
    var lines = file.split(separator: "\n", omittingEmptySubsequences: false)
    for _ in lines {
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

/// Every field with a name, in chains that jump, and with maps.
let fieldFiles: [String] = {
    let fields = Field.allCases.filter { !$0.isInterface }.map(\.words)
    let comparisons: [(String) -> String] = [
        { "\($0) > 1" }, { "\($0) != 0" }, { "\($0) { 1, 6, 17 }" }, { "\($0) 0-100" }, { "\($0) set 1" },
    ]
    return comparisons.map { comparison in
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
}()

/// Concatenations, maps and marks at all hooks that a family has on the way of a frame.
func keyFile(of family: Family) -> String {
    let rules = """
        ip saddr . ip daddr { 10.0.0.0/8 . 0.0.0.0-127.255.255.255, 1.1.1.1 . 2.2.2.2 } counter
        ip6 saddr . ip6 nexthdr . th dport { ::/1 . 0-100 . 1-65535 } counter
        ether saddr . vlan id { 00:00:00:00:00:00-7f:ff:ff:ff:ff:ff . 0-2000 } counter
        meta l4proto . th sport != { tcp . 0-1023, udp . 0-65535 } counter
        meta mark set ip ttl map { 0-63 : 1, 64-127 : 2, * : 3 } counter
        meta mark set ip6 hoplimit . ip6 dscp map { 64 . cs0 : 4, 0-63 . 0-63 : 5 } counter
        meta mark { 1, 3-4 } counter
        meta mark & 1 == 1 counter
        ip dscp . meta mark vmap { cs0 . 1 : drop, 0-63 . 2 : accept, 0-63 . 0-5 : jump deep }
        arp operation . arp saddr ip { 1 . 10.0.0.1, 2 . 0.0.0.0-255.255.255.255 } counter
        tcp dport . tcp flags { 80 . syn, 443 . ack } counter
        meta protocol . meta length { ip . 0-60, ip6 . 61-1500 } counter
        iifname . oifname { "a" . "b" } counter
        udp dport @ports counter
        ip saddr . udp dport vmap @pairs
        icmp type . icmp code { 3 . 4, 8 . 0 } counter
        icmpv6 type . meta mark { 128 . 0, 135 . 4 } counter
        exthdr hbh exists counter
        frag id > 5 counter
        rt type 0-3 counter
        hbh nexthdr . ip6 nexthdr { 0-60 . 0-60 } counter
        tcp option maxseg size 0-1460 counter
        tcp option sack-perm exists counter
        ip option rr exists counter
        ip option lsrr ptr > 3 counter
        ct state vmap { invalid : continue, untracked : continue, new : jump deep }
        ct direction reply counter
        ct mark set meta mark & 3 | 4 counter
        ct count over 3 counter
        """
    let chains = ["prerouting", "forward", "postrouting"].map { hook in
        "chain \(hook) {\ntype filter hook \(hook) priority 0; policy accept;\n\(rules)\n}\n"
    }
    return """
        table \(family) t {
        set ports {
        type inet_service
        flags interval
        counter
        elements = { 0-53, 1024-65535, * }
        }
        map pairs {
        type ipv4_addr . inet_service : verdict
        flags interval
        elements = { 0.0.0.0/1 . 0-53 : drop, 128.0.0.0/1 . 54-65535 : continue, * : return }
        }
        chain deep {
        meta mark set 9 counter
        tcp dport vmap { 0-1000 : return, 50000 : drop }
        }
        \(chains.joined())
        }

        """
}
