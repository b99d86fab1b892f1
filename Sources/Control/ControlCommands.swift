/// All requests of the protocol, with the members of their `with`. A new command begins here; `Appliance/Control` answers it.
public enum ControlCommands {
    /// By their words.
    public static let all: [any ControlRequest.Type] = [
        StatusRequest.self, ReloadRequest.self, CountersRequest.self, RulesRequest.self, FlowsRequest.self, SetsRequest.self,
        DropsRequest.self, BypassRequest.self, ApplyRequest.self, ConfirmRequest.self, RollbackRequest.self, HistoryRequest.self,
    ]
}

/// The members of a command that takes none. The case is not among them, so that it is unknown too.
public enum NoMembers: CodingKey, CaseIterable {
    case none
    public static var allCases: [NoMembers] { [] }
}

/// A request without members.
public protocol BareRequest: ControlRequest where CodingKeys == NoMembers {
    init()
}

extension BareRequest {
    public init(from decoder: any Decoder) throws { self.init() }
    public func encode(to encoder: any Encoder) throws { _ = encoder.container(keyedBy: NoMembers.self) }
}

/// State, ports, rule set, warnings.
public struct StatusRequest: BareRequest {
    public static let command = "status"
    public var changes: Bool { false }

    public init() {}
}

/// Reads the rules again, and answers when they are in force or refused.
public struct ReloadRequest: ControlRequest {
    public static let command = "reload"
    /// Has sets, limits and quotas begin again, also where the files are as they were.
    public var resetState: Bool?
    public var changes: Bool { true }

    public init(resetState: Bool = false) { self.resetState = resetState ? true : nil }

    public enum CodingKeys: CodingKey, CaseIterable {
        case resetState
    }
}

/// Named counters, quotas and elements that count, an item each.
public struct CountersRequest: ControlRequest {
    public static let command = "counters"
    /// Has rules, named counters and elements count from 0 again, after they were told.
    public var reset: Bool?
    public var changes: Bool { reset ?? false }

    public init(reset: Bool = false) { self.reset = reset ? true : nil }

    public enum CodingKeys: CodingKey, CaseIterable {
        case reset
    }
}

/// The rules in force with what they have counted, an item each.
public struct RulesRequest: BareRequest {
    public static let command = "rules"
    public var changes: Bool { false }

    public init() {}
}

/// Whether the kernel has joined the ports, and has it do so or not.
public struct BypassRequest: ControlRequest {
    public static let command = "bypass"
    /// Joins the ports, or has Weir judge again; without it nothing changes.
    public var on: Bool?
    public var changes: Bool { on != nil }

    public init(on: Bool? = nil) { self.on = on }

    public enum CodingKeys: CodingKey, CaseIterable {
        case on
    }
}

/// Connections, an item each; the last item has their number where they are counted or ended.
public struct FlowsRequest: ControlRequest {
    public static let command = "flows"
    /// Which, in the words of `FlowSelection`; all without it.
    public var filter: String?
    /// Only their number.
    public var count: Bool?
    /// Ends them; needs a filter.
    public var kill: Bool?
    public var changes: Bool { kill ?? false }

    public init(filter: String = "", count: Bool = false, kill: Bool = false) {
        self.filter = filter.isEmpty ? nil : filter
        self.count = count ? true : nil
        self.kill = kill ? true : nil
    }

    public enum CodingKeys: CodingKey, CaseIterable {
        case filter, count, kill
    }
}

/// Sets that can be changed, an item each; or the elements of one, an item each; or elements put in or taken out.
public struct SetsRequest: ControlRequest {
    public static let command = "sets"
    /// Its name, or the table's family and name and its own, as in `bridge filter banned`.
    public var set: String?
    /// As `nft add element` takes them between its braces.
    public var elements: String?
    /// Takes them out.
    public var delete: Bool?
    public var changes: Bool { elements != nil }

    public init(set: String? = nil, elements: String? = nil, delete: Bool = false) {
        self.set = set
        self.elements = elements
        self.delete = delete ? true : nil
    }

    public enum CodingKeys: CodingKey, CaseIterable {
        case set, elements, delete
    }
}

/// The last dropped frames, an item each.
public struct DropsRequest: ControlRequest {
    public static let command = "drops"
    /// Goes on with those that are dropped from now on.
    public var follow: Bool?
    /// How many of those that are kept; all without it.
    public var last: Int?
    public var changes: Bool { false }

    public init(follow: Bool = false, last: Int? = nil) {
        self.follow = follow ? true : nil
        self.last = last
    }

    public enum CodingKeys: CodingKey, CaseIterable {
        case follow, last
    }
}
