/// A part of a table that no frame on a wire meets: a chain of NAT, a chain of the host itself, a flowtable, a helper.
///
/// It is read for its syntax and printed as it was written, and nothing else is done with it.
public struct SetAside: Sendable, Equatable {
    /// The word that declares it: `chain`, `flowtable`, `ct helper`.
    public var kind: String
    public var name: String
    /// What it is, in short: `type nat, masquerade`. Empty if its kind says it.
    public var description: String
    /// Why no frame meets it.
    public var reason: String
    /// What stands in its braces, a statement a line; comments are gone and definitions filled in.
    public var lines: [String]
    public var location: SourceLocation

    public init(kind: String, name: String, description: String = "", reason: String, lines: [String], location: SourceLocation) {
        self.kind = kind
        self.name = name
        self.description = description
        self.reason = reason
        self.lines = lines
        self.location = location
    }

    var text: String { "\t\(kind) \(name) {\n\(lines.map { "\t\t\($0)\n" }.joined())\t}\n" }

    /// As `weir check` lists it.
    var diagnostic: Diagnostic {
        let what = description.isEmpty ? "" : " (\(description))"
        return Diagnostic(severity: .setAside, location: location, message: "\(kind) \(printable(name))\(what): \(reason)")
    }
}

/// A rule as it was written, for chains that may turn out to be set aside.
struct WrittenRule: Sendable, Equatable {
    var text: String
    /// Chains that the rule jumps to.
    var targets: [String] = []
    /// Statements of note: `masquerade`, `dnat`.
    var words: [String] = []
    /// Why the rule can't be used where a frame comes.
    var failure: Diagnostic?
}

/// A hook of NAT, of routing or of a device.
struct UselessHook: Sendable, Equatable {
    /// `type nat`, `hook ingress`.
    var description: String
    /// `type nat hook postrouting priority srcnat;`.
    var text: String
    var policy: Policy?
    var location: SourceLocation
}
