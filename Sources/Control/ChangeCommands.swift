/// How a change of rules is made: on trial, or for good.
public struct ChangeTerms: Sendable, Equatable {
    /// Milliseconds within which it must be confirmed; nil for no trial.
    public var confirm: UInt64?
    /// When a trial ends by itself, as `AbortCondition` reads it.
    public var abortOn: [String]?
    /// Why it is made, for the history.
    public var comment: String?

    public init(confirm: UInt64? = nil, abortOn: [String] = [], comment: String? = nil) {
        self.confirm = confirm
        self.abortOn = abortOn.isEmpty ? nil : abortOn
        self.comment = comment
    }

    /// Milliseconds that a trial may last: a second to a day.
    public static let trialTime: ClosedRange<UInt64> = 1_000...86_400_000
    /// Bytes of a comment.
    public static let longestComment = 1_000
}

/// Loads rules from a file, and answers when they are in force or refused.
public struct ApplyRequest: ControlRequest {
    public static let command = "apply"
    /// An absolute path; without it the run's own rule file.
    public var file: String?
    public var confirm: UInt64?
    public var abortOn: [String]?
    public var comment: String?
    /// Has sets, limits and quotas begin again.
    public var resetState: Bool?
    public var changes: Bool { true }

    public var terms: ChangeTerms { ChangeTerms(confirm: confirm, abortOn: abortOn ?? [], comment: comment) }

    public init(file: String?, _ terms: ChangeTerms, resetState: Bool = false) {
        self.file = file
        confirm = terms.confirm
        abortOn = terms.abortOn
        comment = terms.comment
        self.resetState = resetState ? true : nil
    }

    public enum CodingKeys: CodingKey, CaseIterable {
        case file, confirm, abortOn, comment, resetState
    }
}

/// Ends the trial of the rules in force: they stay.
public struct ConfirmRequest: ControlRequest {
    public static let command = "confirm"
    /// The number that they must have in the history; without it whichever they are.
    public var change: Int?
    public var changes: Bool { true }

    public init(change: Int? = nil) { self.change = change }

    public enum CodingKeys: CodingKey, CaseIterable {
        case change
    }
}

/// Ends the trial of the rules in force: those before come back. Without a trial, loads rules of the history.
public struct RollbackRequest: ControlRequest {
    public static let command = "rollback"
    /// A number of the history; without it the rules that were in force before.
    public var change: Int?
    public var confirm: UInt64?
    public var abortOn: [String]?
    public var comment: String?
    public var changes: Bool { true }

    public var terms: ChangeTerms { ChangeTerms(confirm: confirm, abortOn: abortOn ?? [], comment: comment) }

    public init(change: Int? = nil, _ terms: ChangeTerms = ChangeTerms()) {
        self.change = change
        confirm = terms.confirm
        abortOn = terms.abortOn
        comment = terms.comment
    }

    public enum CodingKeys: CodingKey, CaseIterable {
        case change, confirm, abortOn, comment
    }
}

/// The rule sets that were in force, an item each; or the files of one, an item each.
public struct HistoryRequest: ControlRequest {
    public static let command = "history"
    public var change: Int?
    public var changes: Bool { false }

    public init(change: Int? = nil) { self.change = change }

    public enum CodingKeys: CodingKey, CaseIterable {
        case change
    }
}
