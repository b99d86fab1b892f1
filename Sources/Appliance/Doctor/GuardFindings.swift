import Glibc
import KernelPath
import PacketIO

/// What can be said of the guard of a port, whether Weir runs there or not.
enum GuardFindings {
    /// - Parameter isTaken: Weir runs on the port.
    static func of(_ link: Link, called name: String, _ standing: StandingGuard?, isTaken: Bool) -> [Finding] {
        guard let standing else {
            if TCXGuard.obstacle(on: link)?.code == EPERM, HookSide.allCases.contains(where: { hasPrograms(link, $0) }) {
                return [
                    Finding(
                        .fault, .guard, name, "there are TCX programs at \(link.name), and whose they are can't be seen",
                        do: "run this with CAP_SYS_ADMIN, as root")
                ]
            }
            if isTaken {
                return [
                    Finding(
                        .fault, .guard, name, "Weir runs on \(link.name), and its guard is gone: the host hears and speaks there",
                        do: "look again; if it doesn't come back within a second, start Weir again, and read what it logs")
                ]
            }
            return absent(link, name)
        }
        var findings: [Finding] = []
        for side in HookSide.allCases {
            switch standing.places[side] ?? .missing {
            case .first: break
            case .missing:
                findings.append(
                    Finding(
                        .fault, .guard, name, "the guard of \(link.name) is gone at \(side)",
                        do: isTaken ? "look again; Weir puts it back within a second" : "start Weir again, which puts it back"))
            case .behind(let others):
                findings.append(
                    Finding(
                        .fault, .guard, name,
                        "\(others) runs before the guard of \(link.name) at \(side): what it lets pass gets past the rules",
                        do: standing.kind == "tcx"
                            ? "look again; Weir goes before it within a second"
                            : "give Weir CAP_BPF and CAP_SYS_ADMIN on a kernel with TCX (Linux 6.6), and its guard comes first"))
            }
        }
        if !isTaken {
            findings.append(
                Finding(
                    .warning, .guard, name,
                    "a run that was killed has left its guard on \(link.name): nothing passes, and the host is kept off it",
                    do: "start Weir again, which takes over, and end it if the port is to be as it was"))
        }
        return findings + material(link, name, standing) + behind(link, name, standing)
    }

    /// A guard of filters, which programs that come later would come before.
    private static func material(_ link: Link, _ name: String, _ standing: StandingGuard) -> [Finding] {
        guard standing.kind == "filters", standing.isFirst, (try? TCXHook(link, .ingress).listing()) != nil else { return [] }
        // The process that asks may have the right that the run lacks.
        let obstacle = TCXGuard.obstacle(on: link) ?? SystemCallError(call: "make a TCX program", code: EPERM)
        return [PortGuard.filtersFinding(link, called: name, obstacle)]
    }

    private static func hasPrograms(_ link: Link, _ side: HookSide) -> Bool {
        !((try? TCXHook(link, side).listing().programs) ?? []).isEmpty
    }

    /// What a start would find.
    private static func absent(_ link: Link, _ name: String) -> [Finding] {
        guard let obstacle = TCXGuard.obstacle(on: link) else { return foreign(link, name) }
        var findings: [Finding] = []
        let hasTCX = (try? TCXHook(link, .ingress).listing()) != nil
        if obstacle.code == EPERM, hasTCX {
            findings.append(PortGuard.filtersFinding(link, called: name, obstacle))
        } else {
            findings.append(Finding(.note, .guard, name, "the guard of \(link.name) is made of tc filters (\(obstacle))"))
        }
        if let kind = try? FilterGuard.hookKind(on: link), kind != "clsact" {
            findings.append(
                Finding(
                    .fault, .guard, name, "\(link.name) has a qdisc of kind \"\(kind)\", which has no place for a guard",
                    do: "replace it with clsact: tc qdisc del dev \(link.name) \(kind); tc qdisc add dev \(link.name) clsact"))
        }
        return findings
    }

    /// Programs of others which the guard goes before, and which then see nothing.
    private static func foreign(_ link: Link, _ name: String) -> [Finding] {
        PortGuard.programs(besidesWeirOn: link, .ingress).map { program in
            Finding(.note, .programs, name, "\(program) is at the ingress of \(link.name); the guard goes before it")
        }
    }

    /// Programs of others that come after a guard of programs. What sees frames that leave `EgressFindings` names.
    private static func behind(_ link: Link, _ name: String, _ standing: StandingGuard) -> [Finding] {
        guard standing.kind == "tcx" else { return [] }
        return PortGuard.programs(besidesWeirOn: link, .ingress).map { program in
            Finding(.note, .programs, name, "\(program) at the ingress of \(link.name) sees nothing while Weir runs")
        }
    }
}
