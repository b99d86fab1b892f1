import Control
import Flows
import Reporting

extension FlowsRequest: AnsweredRequest {
    func answer(_ desk: ControlDesk, _ form: ControlForm) -> any AnswerStream {
        do throws(ControlFault) {
            let filter = try FlowSelection(self.filter ?? "")
            if kill ?? false, (self.filter ?? "").isEmpty {
                throw ControlFault(.refused, "say which connections are to end; \"all\" is every one")
            }
            return FlowScan(desk, filter, form, isCounting: count ?? false, isEnding: kill ?? false)
        } catch {
            return ReadyAnswer([], error)
        }
    }
}

/// Goes over the tables of all workers, a part at a time, and has those connections ended that are to end.
final class FlowScan: AnswerStream {
    /// Lines of a text that become one item.
    private static let linesInItem = 64
    /// Times that a worker is waited for, a millisecond each, before it is said that it is too busy.
    private static let patience = 2000
    /// So often a worker that has ended meanwhile is asked in its place.
    private static let wakeInterval = 20

    private let pool: WorkerPool
    private let filter: FlowSelection
    private let form: ControlForm
    private let isCounting: Bool
    private let isEnding: Bool
    private var worker = 0
    /// Where to go on in the worker's table; nil after its last part.
    private var place: Int? = 0
    private var isAsked = false
    private var waited = 0
    private var matched: UInt64 = 0
    private var ended: UInt64 = 0
    /// Items that were not handed on yet, the last first.
    private var items: [String] = []
    /// Connections that the next question has ended.
    private var toEnd: [FlowReference] = []
    private var isSummed = false

    init(_ desk: ControlDesk, _ filter: FlowSelection, _ form: ControlForm, isCounting: Bool, isEnding: Bool) {
        pool = desk.pool
        self.filter = filter
        self.form = form
        self.isCounting = isCounting
        self.isEnding = isEnding
    }

    func next() -> AnswerStep {
        if let item = items.popLast() { return .item(item) }
        guard worker < pool.controlRequests.count else {
            guard !isSummed, isCounting || isEnding else { return .end }
            isSummed = true
            return .item(FlowSum(connections: matched, ended: isEnding ? ended : nil).item(form))
        }
        let request = pool.controlRequests[worker]
        guard request.isAnswered else {
            waited += 1
            if waited > Self.patience {
                return .failed(ControlFault(.refused, "worker \(worker) is too busy to tell of its connections"))
            }
            if waited.isMultiple(of: Self.wakeInterval) { pool.wakeForFlows(worker) }
            return .wait(1)
        }
        waited = 0
        if isAsked, request.holds(self) {
            isAsked = false
            take(from: request)
            return next()
        }
        // Another client's part is here, or ours was given away with it: then it is asked for again.
        guard request.isFree(for: self) else { return .wait(1) }
        isAsked = true
        request.ask(from: place, ending: toEnd, for: self)
        toEnd = []
        pool.wakeForFlows(worker)
        return .wait(1)
    }

    private func take(from request: FlowRequest) {
        ended += UInt64(request.ended)
        var lines = ""
        var count = 0
        request.forEachTold { flow, reference in
            guard filter.matches(flow) else { return }
            matched += 1
            if isEnding { toEnd.append(reference) }
            guard !isCounting else { return }
            let line = FlowLine.text(of: flow, json: form == .json)
            guard form == .text else { return items.append(String(line.dropLast())) }
            lines += line
            count += 1
            guard count == Self.linesInItem else { return }
            items.append(lines)
            (lines, count) = ("", 0)
        }
        if !lines.isEmpty { items.append(lines) }
        items.reverse()
        place = request.nextPlace
        request.release()
        // The last part's are ended by a question for no more.
        if place == nil, toEnd.isEmpty {
            worker += 1
            place = 0
        }
    }
}

/// How many connections an answer was about.
private struct FlowSum: AnswerItem {
    /// Those that the filter meant.
    var connections: UInt64
    /// Those that were there still when they were to end.
    var ended: UInt64?

    var text: String {
        if let ended { return "\(ended) \(ended == 1 ? "connection was" : "connections were") ended\n" }
        return "\(connections)\n"
    }
}

extension FlowSelection {
    /// Returns true if all conditions hold.
    func matches(_ flow: FlowDescription) -> Bool { terms.allSatisfy { $0.isNegated != Self.holds($0.condition, flow) } }

    private static func holds(_ condition: Condition, _ flow: FlowDescription) -> Bool {
        let tuple = flow.original
        switch condition {
        case .address(let end, let prefix):
            return end != .responder && prefix.contains(tuple.source, isIPv6: tuple.isIPv6)
                || end != .initiator && prefix.contains(tuple.destination, isIPv6: tuple.isIPv6)
        case .port(let end, let ports):
            guard [6, 17, 33, 132, 136].contains(tuple.transportProtocol) else { return false }
            return end != .responder && ports.contains(tuple.sourcePort) || end != .initiator && ports.contains(tuple.destinationPort)
        case .transportProtocol(let number): return tuple.transportProtocol == number
        case .vlan(let identifier): return flow.vlans.contains(identifier)
        case .state(let name): return flow.state?.name == name
        case .mark(let mark): return flow.mark == mark
        case .replied: return flow.status & FlowDescription.Status.seenReply != 0
        case .assured: return flow.status & FlowDescription.Status.assured != 0
        }
    }
}
