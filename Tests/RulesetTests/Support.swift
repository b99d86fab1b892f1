import Foundation
import Ruleset

/// The files beside the tests.
enum Golden {
    /// A table of rules that nft lists in another way: by rule, in the line below it behind a tab, nft's; nil where there is none.
    static func differences(_ name: String) -> [String: String?] {
        var differences: [String: String?] = [:]
        var last = ""
        for line in ((try? text(name)) ?? "").split(separator: "\n") where !line.hasPrefix("#") {
            if line.hasPrefix("\t") {
                differences[last] = .some(String(line.dropFirst()))
            } else {
                last = String(line)
                differences.updateValue(nil, forKey: last)
            }
        }
        return differences
    }

    static let folder = Bundle.module.bundleURL.appendingPathComponent("Golden")

    /// Names without their ending, sorted.
    static func names(withExtension ending: String) -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.filter { $0.hasSuffix("." + ending) }.map { String($0.dropLast(ending.count + 1)) }.sorted()
    }

    static func text(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: folder.appendingPathComponent(name)), as: UTF8.self)
    }

    /// `.nft` files that have an expected print.
    static let accepted = names(withExtension: "printed")
    /// `.nft` files that have expected diagnostics.
    static let refused = names(withExtension: "error")

    /// The rule files that people start from, at the top of the package.
    static let examples: [URL] = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let folder = root.appendingPathComponent("rules")
        let files = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
        return files.filter { $0.pathExtension == "nft" }.sorted { $0.path < $1.path }
    }()
}

extension SourceLocation {
    static let nowhere = SourceLocation(file: 0, line: 0, column: 0, length: 1)
}

extension Ruleset {
    /// What is left when texts and locations are taken away.
    var meaning: [Table] {
        tables.map { table in
            var table = table
            table.location = .nowhere
            table.objects = table.objects.map { object in
                var object = object
                object.location = .nowhere
                return object
            }
            table.sets = table.sets.map { set in
                var set = set
                set.location = .nowhere
                set.elements = SetElements(set.elements.map(\.meaning))
                return set
            }
            table.chains = table.chains.map { chain in
                var chain = chain
                chain.location = .nowhere
                chain.rules = chain.rules.map(\.meaning)
                return chain
            }
            table.setAside = table.setAside.map { part in
                var part = part
                part.location = .nowhere
                return part
            }
            return table
        }
    }
}

extension Rule {
    var meaning: Rule {
        var rule = self
        rule.location = .nowhere
        rule.statements = statements.map { statement in
            switch statement {
            case .match(var match):
                match.location = .nowhere
                match.elements = match.elements.map(\.meaning)
                if case .set(let values) = match.operand, values.count == 1, !match.key.isConcatenation, match.elements.isEmpty {
                    match.operand = .single(values[0])
                }
                return .match(match)
            case .counter(let packets, let bytes, _): return .counter(packets: packets, bytes: bytes, location: .nowhere)
            case .verdict(let verdict, _): return .verdict(verdict, location: .nowhere)
            case .limit(let limit, _): return .limit(limit, location: .nowhere)
            case .quota(let quota, _): return .quota(quota, location: .nowhere)
            case .object(let object, _): return .object(object, location: .nowhere)
            case .log(let log, _): return .log(log, location: .nowhere)
            case .notrack: return .notrack(location: .nowhere)
            case .last(let last, _): return .last(last, location: .nowhere)
            case .hostSetting(.priority(var assignment), _):
                assignment.location = .nowhere
                return .hostSetting(.priority(assignment), location: .nowhere)
            case .hostSetting(let setting, _): return .hostSetting(setting, location: .nowhere)
            case .connectionCount(let count, _): return .connectionCount(count, location: .nowhere)
            case .update(var update):
                update.location = .nowhere
                return .update(update)
            case .objectMap(var map):
                map.location = .nowhere
                map.elements = map.elements.meaning
                return .objectMap(map)
            case .verdictMap(var map):
                map.location = .nowhere
                map.elements = map.elements.meaning
                return .verdictMap(map)
            case .assignment(var assignment):
                assignment.location = .nowhere
                if case .mapped(let map) = assignment.value {
                    assignment.value = .mapped(ValueMap(key: map.key, elements: map.elements.meaning, location: .nowhere))
                }
                return .assignment(assignment)
            }
        }
        return rule
    }
}

extension Rule {
    /// Of elements that have become one.
    var hasSetOfOne: Bool {
        statements.contains { statement in
            if case .match(let match) = statement, case .set(let values) = match.operand { values.count == 1 } else { false }
        }
    }
}

extension SetElement {
    var meaning: SetElement {
        var element = self
        element.location = .nowhere
        return element
    }
}

extension VerdictMap.Elements {
    var meaning: VerdictMap.Elements {
        if case .anonymous(let elements) = self { .anonymous(elements.map(\.meaning)) } else { self }
    }
}

/// What rules may name.
let declaredObjects = """
    counter c1 { }
    quota q1 { 1 mbytes
    }
    limit l1 { rate 5/second
    }
    set s1 { type ipv4_addr; flags dynamic,timeout; }
    set s2 { type inet_service; flags dynamic; size 3; }
    set s3 { type ipv4_addr; flags interval; }
    set s4 { type ipv4_addr; flags dynamic; counter; }
    set s5 { type ipv4_addr . inet_service; flags dynamic,timeout; }
    set s6 { typeof ether saddr . iifname; flags dynamic; limit rate 5/second; counter; }
    map m1 { type ipv4_addr : mark; flags dynamic,timeout; }
    map m2 { type ipv4_addr . inet_service : mark; flags dynamic; }
    map m3 { type ipv4_addr : counter; elements = { 1.1.1.1 : "c1" }; }
    map m4 { type ipv4_addr : mark; }
    map m5 { type ipv6_addr . inet_service : mark; flags dynamic; }
    map m6 { typeof ip saddr : ip id; elements = { 1.1.1.1 : 5 }; }
    map m7 { type ipv4_addr : ether_addr; elements = { 1.1.1.1 : 1:2:3:4:5:6 }; }
    map m8 { type ipv4_addr : inet_service; flags dynamic,timeout; }
    map m9 { type ipv4_addr : verdict; flags timeout; elements = { 1.1.1.1 timeout 1h : drop }; }
    map m10 { type ipv4_addr : counter; flags timeout; elements = { 1.1.1.1 timeout 1h : "c1" }; }

    """

/// A file with one rule in a base chain, a chain `x` to jump to, and a few objects.
func fileWith(rule: String, family: Family = .bridge) -> String {
    let hook = family == .arp ? Hook.input : .forward
    let chains = "chain x { }\nchain c { type filter hook \(hook) priority 0; policy accept;\n\(rule)\n}\n"
    return "table \(family) t {\n\(declaredObjects)\(chains)}\n"
}

/// The last rule of such a file.
func read(rule: String, family: Family = .bridge) throws(RejectedRuleset) -> Rule? {
    let (ruleset, _) = try Ruleset.read(SourceFile(name: "rule", text: fileWith(rule: rule, family: family)))
    return ruleset.tables.first?.chains.last?.rules.last
}
