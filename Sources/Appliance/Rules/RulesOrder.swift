public import Capture
public import Classifier
import Control

/// What rules are read from, and what is known of those in force.
public struct RulesReading: Sendable {
    public enum Source: Sendable {
        /// The run's own rule file, if it is not as it was.
        case reload
        /// A file, by its absolute path; nil for the run's own.
        case apply(String?)
        /// Texts that were read earlier.
        case content(RulesContent)
    }

    public var source: Source
    /// The texts of the rules in force.
    public var running: RulesContent
    /// The rule file as it was when rules were loaded from it last.
    public var ownFile: RulesContent
    /// Nothing goes on, and rules that are as they were are new ones too.
    public var resetsState: Bool
}

/// Rules that can be put into force.
public struct LoadedRules: Sendable {
    public var program: Program
    /// From the program in force when it was compiled.
    public var inheritance: StateInheritance
    /// What captures say of the rules' files.
    public var origin: CaptureOrigin
    public var files: [RuleFile]
    public var content: RulesContent
    /// What the run's own rule file says at this moment, or did when it could be read last.
    public var ownFile: RulesContent
    /// The rules are from it.
    public var isOfOwnFile: Bool
    /// Warnings, as they are shown.
    public var diagnostics: [String]

    public init(
        program: Program, inheritance: StateInheritance, origin: CaptureOrigin, files: [RuleFile], content: RulesContent,
        ownFile: RulesContent, isOfOwnFile: Bool, diagnostics: [String]
    ) {
        self.program = program
        self.inheritance = inheritance
        self.origin = origin
        self.files = files
        self.content = content
        self.ownFile = ownFile
        self.isOfOwnFile = isOfOwnFile
        self.diagnostics = diagnostics
    }
}

/// What is asked of the thread that loads rules.
struct RulesOrder: Sendable {
    enum Kind: Sendable, Equatable {
        /// Reads the rule file again.
        case reload
        /// Loads a file; nil for the rule file.
        case apply(String?)
        /// Brings rules back; nil for those before.
        case rollback(Int?)
        /// Keeps the rules on trial; nil for whichever they are.
        case confirm(Int?)
    }

    var kind: Kind
    var resetsState = false
    var terms = ChangeTerms()
    /// nil where a signal asks.
    var peer: PeerCredentials?
    var ticket: ReloadTicket?

    /// The word in the history.
    var command: String {
        switch kind {
        case .reload: "reload"
        case .apply: "apply"
        case .rollback: "rollback"
        case .confirm: "confirm"
        }
    }
}

/// The orders that wait, and those that are one: any number of signals is one more reading.
struct RulesOrders: Sendable {
    private var waiting: [RulesOrder] = []

    mutating func add(_ order: RulesOrder) {
        let known = order.kind == .reload && order.ticket == nil ? waiting.firstIndex { $0.kind == .reload && $0.ticket == nil } : nil
        if let known {
            waiting[known].resetsState = waiting[known].resetsState || order.resetsState
        } else {
            waiting.append(order)
        }
    }

    /// Takes the next, and with a reload all others.
    mutating func take() -> [RulesOrder] {
        guard let first = waiting.first else { return [] }
        guard first.kind == .reload else { return [waiting.removeFirst()] }
        let reloads = waiting.filter { $0.kind == .reload }
        waiting.removeAll { $0.kind == .reload }
        return reloads
    }
}
