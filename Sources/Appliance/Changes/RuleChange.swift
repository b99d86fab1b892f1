/// One rule set that was in force, or was to be, as the history has it.
public struct RuleChange: Codable, Sendable, Equatable {
    public enum State: String, Codable, Sendable {
        /// It was put into force, for good.
        case done
        /// It is on trial.
        case trial
        /// Its trial was confirmed.
        case confirmed
        /// Its trial ended, and the rules before came back.
        case returned
    }

    /// Counts up from 1.
    public var number: Int
    /// Seconds since the epoch.
    public var time: UInt64
    /// `start`, `reload`, `apply`, `rollback`, or `kept` for rules in force that were not there any more.
    public var command: String
    /// Who asked for it (SO_PEERCRED); nil where nobody did by the control socket.
    public var user: UInt32?
    public var process: Int32?
    public var comment: String?
    /// Of the rule file, then of those that it includes.
    public var files: [RuleFile]
    /// By which their texts are found.
    var content: String
    /// False if the texts were too long to be kept, or have made room for others.
    public var isKept = true
    public var state: State
    /// Why it was taken back.
    public var reason: String?
}

/// What a start goes by while the rule file is as it was.
package struct StandingDecision: Codable, Sendable, Equatable {
    /// The hash of the rule file with all that it includes, at the time of the decision.
    package var file: String
    /// The change whose rules are in force.
    package var change: Int

    package init(file: String, change: Int) {
        self.file = file
        self.change = change
    }
}

/// All that is kept of changes but the texts.
struct ChangeIndex: Codable, Sendable {
    var version = 1
    /// The oldest first.
    var changes: [RuleChange] = []
    /// nil where the rule file says what is in force.
    var decision: StandingDecision?

    /// True for what this version can have written; numbers count up, and texts are found by a hash.
    var isSound: Bool {
        version == ChangeIndex().version && zip(changes, changes.dropFirst()).allSatisfy { $0.number < $1.number }
            && changes.allSatisfy { change in
                (1..<1 << 53).contains(change.number) && change.content.utf8.count == 64
                    && change.content.utf8.allSatisfy { 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 }
            }
    }
}
