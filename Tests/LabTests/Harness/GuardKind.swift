import Foundation
import Testing

/// The two things that a port's guard can be made of.
enum GuardKind: String, Sendable, CaseIterable {
    /// What most tests go through; the third kind differs only where the kernel carries or joins.
    static let allCases: [GuardKind] = [.tcx, .filters]

    /// TCX programs: what Weir makes where it can.
    case tcx
    /// Filters of tc: what it makes without the right to see other programs, as on a kernel without TCX.
    case filters
    /// Filters of tc with an ingress program that carries flows and joins the ports: what it makes before Linux 6.6.
    case programFilters

    /// What Weir is started with, so that it makes this one.
    var prefix: [String] {
        switch self {
        case .tcx: []
        case .filters: ["setpriv", "--bounding-set=-sys_admin,-bpf", "--inh-caps=-sys_admin,-bpf"]
        case .programFilters: ["env", "WEIR_WITHOUT=tcx"]
        }
    }
}

extension Lab {
    /// Support/tcx.py, in the firewall's namespace: what other agents do by bpf(2).
    @discardableResult
    func tcx(_ arguments: String, in place: Place = .fw) throws -> String {
        guard let script = Bundle.module.url(forResource: "Support/tcx", withExtension: "py") else {
            throw CommandFailure(description: "Support/tcx.py is not among the test's resources")
        }
        return try require(in: place, "/usr/bin/python3 \(script.path) \(arguments)")
    }

    /// The same as a process that goes on.
    func tcxProcess(_ arguments: String) throws -> Background {
        guard let script = Bundle.module.url(forResource: "Support/tcx", withExtension: "py") else {
            throw CommandFailure(description: "Support/tcx.py is not among the test's resources")
        }
        return try start(in: .fw, ["/usr/bin/python3", script.path] + arguments.split(separator: " ").map(String.init))
    }

    /// The names of a port's TCX programs, in their order.
    func programs(_ port: String, _ side: String) throws -> [String] {
        try tcx("list \(port) \(side)").lines.map { String($0.split(separator: " ").last ?? "") }
    }

    /// The guard stands on both sides of a port, before anything of others.
    func guardIsFirst(_ kind: GuardKind, on port: String) throws -> Bool {
        switch kind {
        case .tcx:
            return try programs(port, "ingress").first == "weir_guard_in" && programs(port, "egress").first == "weir_guard_out"
        case .filters, .programFilters:
            return try ["ingress", "egress"].allSatisfy { side in
                let filters = try require(in: .fw, "tc filter show dev \(port) \(side)").lines.filter { $0.contains(" handle ") }
                return filters.first?.contains(Weir.filterHandle.dropLast()) ?? false
            }
        }
    }

    /// Nothing of Weir's is on a port.
    func isWithoutGuard(_ port: String) throws -> Bool {
        try ["ingress", "egress"].allSatisfy { side in
            try !programs(port, side).contains { $0.hasPrefix("weir") }
                && !require(in: .fw, "tc filter show dev \(port) \(side)").contains(Weir.filterHandle.dropLast())
        }
    }

    /// Gives the firewall's own stack addresses and routes, so that it answers on the wire and routes from one side to the other, unless it
    /// is kept off: 10.77.0.254 is the host itself, and 10.88.0.2 is `far`, to which nobody else knows the way.
    func putHostOnTheWire() throws {
        for (place, command) in [
            (Place.fw, "ip address add 10.77.0.254/24 dev eth1"), (.fw, "ip address add 10.88.0.254/24 dev eth2"),
            (.fw, "sysctl -qw net.ipv4.ip_forward=1"), (.far, "ip address add 10.88.0.2/24 dev far0"),
            (.near, "ip address add 10.66.0.1/32 dev near0"), (.near, "ip route add 10.88.0.0/24 via 10.77.0.254 src 10.66.0.1"),
            (.far, "ip route add 10.66.0.1/32 via 10.88.0.254"), (.fw, "ip route add 10.66.0.1/32 via 10.77.0.1"),
            (.near, "ip neighbour replace 10.77.0.254 lladdr \(try address(of: "eth1")) dev near0"),
            (.far, "ip neighbour replace 10.88.0.254 lladdr \(try address(of: "eth2")) dev far0"),
            (.fw, "ip neighbour replace 10.77.0.1 lladdr \(try address(of: "near0", in: .near)) dev eth1"),
            (.fw, "ip neighbour replace 10.88.0.2 lladdr \(try address(of: "far0", in: .far)) dev eth2"),
        ] { try require(in: place, command) }
    }

    private func address(of interface: String, in place: Place = .fw) throws -> String {
        try require(in: place, "cat /sys/class/net/\(interface)/address").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Three pings to the host and three through it: how many are answered.
    func answersOfTheHost() throws -> (own: Int, routed: Int) {
        (try ping("10.77.0.254", patience: 1), try ping("10.88.0.2", patience: 1))
    }
}
