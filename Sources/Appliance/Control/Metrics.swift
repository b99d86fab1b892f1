import CLinux
import Classifier
import Glibc
import KernelPath
import PacketIO
import Reporting
import Storage

extension ControlDesk {
    /// Rules that have a metric of their own; of the rest there is the number.
    private static let ruleLimit = 500

    func metrics() -> String {
        var text = MetricsText()
        let (notes, report) = (board.current, report())
        let generation = configuration.generations.current
        let firewall = report.shared.firewall
        text.add("weir_build_info", .gauge, "The program.", [([("version", configuration.version)], "1")])
        text.add("weir_forwarding", .gauge, "1 if frames can pass, 0 while a port is not there.", notes.isForwarding ? 1 : 0)
        text.add(
            "weir_start_time_seconds", .gauge, "Start of the run since the epoch.", unit: "seconds", started.sinceEpoch / 1_000_000_000)
        text.add("weir_warnings", .gauge, "Warnings of weir status that hold now.", warnings(notes).count)
        text.add(
            "weir_joined", .gauge, "1 while the kernel joins the ports and no rule sees what passes.",
            pool.join.map { $0.state == .weir } ?? true ? 0 : 1)
        text.add("weir_messages_lost_total", .counter, "Messages that nobody took from standard error.", report.lostMessages)
        addPorts(&text, notes.ports, report.ports)
        addRuleset(&text, generation)
        let reasons = firewall.reasons.sorted { $0.key < $1.key }
        text.add(
            "weir_frames_total", .counter, "Frames by the reason of their verdict.",
            reasons.map { ([("reason", $0.key)], "\($0.value.frames)") })
        text.add(
            "weir_frame_bytes_total", .counter, "Bytes of frames by the reason of their verdict.",
            reasons.map { ([("reason", $0.key)], "\($0.value.bytes)") })
        addRules(&text, firewall.rules)
        addState(&text, firewall)
        addOutputs(&text, report.shared.outputs)
        addProcess(&text)
        return text.text
    }

    private func addPorts(_ text: inout MetricsText, _ states: [PortState], _ ports: [Report.PortReport]) {
        func each(_ value: (Report.PortReport) -> UInt64) -> [(labels: [(String, String)], value: String)] {
            ports.map { ([("port", $0.name)], "\(value($0))") }
        }
        text.add("weir_port_up", .gauge, "1 if the port can forward.", each { $0.up ? 1 : 0 })
        text.add(
            "weir_port_mtu_bytes", .gauge, "The port's MTU as the operator has set it.", unit: "bytes",
            states.compactMap { state in state.mtu.map { ([("port", state.name)], "\($0)") } })
        text.add("weir_port_received_frames_total", .counter, "Frames that came in by the port.", each { $0.received.frames })
        text.add("weir_port_received_bytes_total", .counter, "Bytes that came in by the port.", unit: "bytes", each { $0.received.bytes })
        text.add("weir_port_sent_frames_total", .counter, "Frames that left by the port.", each { $0.sent.frames })
        text.add("weir_port_sent_bytes_total", .counter, "Bytes that left by the port.", unit: "bytes", each { $0.sent.bytes })
        text.add(
            "weir_port_lost_frames_total", .counter,
            "Frames that came in by the port and could not be taken or are too big, and frames that could not be sent by it.",
            ports.flatMap { port in
                port.losses.sorted { $0.key < $1.key }.map { ([("port", port.name), ("cause", $0.key)], "\($0.value)") }
            })
        text.add("weir_port_answers_total", .counter, "Answers that were sent by the port.", each { $0.answers })
        text.add("weir_port_answers_kept_back_total", .counter, "Answers that the rate kept back.", each { $0.answersOverRate })
        text.add("weir_guard_first", .gauge, "1 if nothing of others runs before the port's guard.", each { $0.guard.first ? 1 : 0 })
        text.add(
            "weir_port_joined_frames_total", .counter, "Frames that came in by the port and were handed to the other one without any rule.",
            states.map { ([("port", $0.name)], "\($0.guarding.joined)") })
        text.add("weir_guard_restored_total", .counter, "Times that the port's guard was put back.", each { $0.guard.restored })
    }

    private func addRuleset(_ text: inout MetricsText, _ generation: RulesetGeneration) {
        text.add("weir_ruleset_generation", .gauge, "0 for the rules of the start, and one more with each reload.", generation.number)
        text.add(
            "weir_ruleset_load_time_seconds", .gauge, "When the rules in force were read, since the epoch.", unit: "seconds",
            generation.time / 1_000_000_000)
        text.add("weir_ruleset_rules", .gauge, "Rules in force.", generation.program.rules.count)
        var isRefused = false
        if case .refused? = loader.last?.outcome { isRefused = true }
        text.add("weir_ruleset_last_reload_refused", .gauge, "1 if the last reload was refused.", isRefused ? 1 : 0)
        text.add("weir_ruleset_on_trial", .gauge, "1 while the rules wait for weir confirm.", loader.note.trial == nil ? 0 : 1)
    }

    /// Rules of one comment, or of one line, are one sample: a chain may be written once and be there many times.
    private func addRules(_ text: inout MetricsText, _ rules: [RuleReport]) {
        var sums: [[String]: (frames: UInt64, bytes: UInt64)] = [:]
        var order: [[String]] = []
        var leftOut = 0
        for rule in rules {
            let key = [rule.table, rule.chain, rule.comment ?? "\(rule.file):\(rule.line)"]
            if sums[key] == nil {
                guard order.count < Self.ruleLimit else {
                    leftOut += 1
                    continue
                }
                order.append(key)
            }
            let sum = sums[key] ?? (0, 0)
            sums[key] = (sum.frames &+ rule.frames, sum.bytes &+ rule.bytes)
        }
        func samples(_ value: ((frames: UInt64, bytes: UInt64)) -> UInt64) -> [(labels: [(String, String)], value: String)] {
            order.map { key in
                ([("table", key[0]), ("chain", key[1]), ("rule", key[2])], "\(sums[key].map(value) ?? 0)")
            }
        }
        text.add("weir_rule_frames_total", .counter, "Frames that matched a rule, by its comment or place.", samples { $0.frames })
        text.add(
            "weir_rule_bytes_total", .counter, "Bytes of frames that matched a rule, as nft counts them.", unit: "bytes",
            samples { $0.bytes })
        text.add("weir_rules_left_out", .gauge, "Rules that have no metric of their own, since there are too many.", leftOut)
    }

    private func addState(_ text: inout MetricsText, _ firewall: FirewallReport) {
        if let flows = firewall.flows {
            text.add("weir_flows", .gauge, "Connections that are followed.", flows.followed)
            text.add(
                "weir_flow_events_total", .counter, "What became of connections.",
                flows.events.sorted { $0.key < $1.key }.map { ([("event", $0.key)], "\($0.value)") })
            text.add(
                "weir_flow_invalid_packets_total", .counter, "Packets that are invalid in their connection, by cause.",
                flows.invalid.sorted { $0.key < $1.key }.map { ([("cause", $0.key)], "\($0.value)") })
        }
        text.add("weir_fragments_held", .gauge, "Fragments that wait for the rest of their datagrams.", firewall.held.frames)
        text.add("weir_fragments_held_datagrams", .gauge, "Datagrams of which fragments are held.", firewall.held.datagrams)
        text.add("weir_fragments_held_bytes", .gauge, "Memory of held fragments.", unit: "bytes", firewall.held.bytes)
        let state = firewall.state
        func labels(_ table: String, _ name: String) -> [(String, String)] { [("table", table), ("name", name)] }
        text.add(
            "weir_counter_packets_total", .counter, "Named counters.", state.counters.map { (labels($0.table, $0.name), "\($0.frames)") })
        text.add(
            "weir_counter_bytes_total", .counter, "Named counters.", unit: "bytes",
            state.counters.map { (labels($0.table, $0.name), "\($0.bytes)") })
        text.add(
            "weir_set_elements", .gauge, "Elements of sets that change.", state.sets.map { (labels($0.table, $0.set), "\($0.elements)") })
        text.add(
            "weir_set_capacity", .gauge, "Elements that sets have room for.",
            state.sets.map { (labels($0.table, $0.set), "\($0.capacity)") })
    }

    private func addOutputs(_ text: inout MetricsText, _ outputs: OutputReports) {
        let captures =
            (outputs.capture.map { [("drops", $0)] } ?? [])
            + (outputs.groups ?? [:]).sorted { $0.key < $1.key }.map { ("group-\($0.key)", $0.value) }
        text.add(
            "weir_capture_frames_total", .counter, "Frames that captures have, have lost, or were not to have.",
            captures.flatMap { name, report in
                [
                    ("written", report.written), ("lost", report.lost), ("left-out", report.leftOut ?? 0),
                    ("unmatched", report.unmatched ?? 0),
                ]
                .map { ([("capture", name), ("fate", $0.0)], "\($0.1)") }
            })
        if let events = outputs.events {
            text.add(
                "weir_events_total", .counter, "Events that are in their file, and those that were left out.",
                [([("fate", "written")], "\(events.written)"), ([("fate", "left-out")], "\(events.leftOut)")])
        }
    }

    /// Under the names that Prometheus' own libraries use.
    private func addProcess(_ text: inout MetricsText) {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let time = (usage.ru_utime, usage.ru_stime)
        let seconds = Double(time.0.tv_sec + time.1.tv_sec) + Double(time.0.tv_usec + time.1.tv_usec) / 1e6
        text.add("process_cpu_seconds_total", .counter, "Processor time.", unit: "seconds", [([], "\(seconds)")])
        if let pages = ProcFile.lines("/proc/self/statm").first?.split(separator: " ").dropFirst().first.flatMap({ UInt64($0) }) {
            text.add("process_resident_memory_bytes", .gauge, "Resident memory.", unit: "bytes", pages * UInt64(getpagesize()))
        }
    }
}
