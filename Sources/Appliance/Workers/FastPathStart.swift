import Firewall
import Glibc
import KernelPath
import Logging
import PacketIO

/// Says at the start whether flows are carried, and why not.
struct FastPathStart {
    private let configuration: Configuration
    private let join: PortJoin?

    init(_ configuration: Configuration, join: PortJoin? = nil) {
        self.configuration = configuration
        self.join = join
    }

    /// Loads what carries flows; nil where that can't be had or is not wanted. Changes nothing on the ports.
    func make(_ log: Logger) throws -> FastPath? {
        guard configuration.fastPath != .off else { return nil }
        do {
            let path = try load()
            log.notice("the kernel carries flows that were judged, up to \(path.maps.capacity) at a time (--fast-path off: it doesn't)")
            return path
        } catch let obstacle as Obstacle {
            guard configuration.fastPath == .auto else { throw StartProblem("--fast-path require: \(obstacle.words)") }
            log.notice("no flows are carried by the kernel: \(obstacle.words)")
            return nil
        }
    }

    /// Why flows can't be carried.
    private struct Obstacle: Error {
        let words: String
    }

    private func load() throws -> FastPath {
        if configuration.checks.isStrict { throw Obstacle(words: "--sanity strict looks at each frame") }
        for name in configuration.ports {
            guard let link = (try? Links().link(named: name)) ?? nil else { continue }
            if let error = IngressProgram.obstacle(on: link) { throw Obstacle(words: "\(Self.words(error)) (\(error))") }
        }
        do throws(SystemCallError) {
            let number = configuration.generations.current.number
            return try FastPath(flows: configuration.fastPathFlows, generation: number, join: join)
        } catch {
            throw Obstacle(words: "\(Self.words(error)) (\(error))")
        }
    }

    private static func words(_ error: SystemCallError) -> String {
        switch error.code {
        case EPERM: "Weir needs CAP_BPF and CAP_SYS_ADMIN for it, and a kernel that is not locked down"
        case ENOMEM: "there is no memory for its maps; ask for fewer with --fast-path-flows"
        default: "the kernel lacks what it takes, which is BPF with atomic operations (Linux 5.12), in tc or TCX"
        }
    }
}
