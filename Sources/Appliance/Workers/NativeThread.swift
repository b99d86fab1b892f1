import CLinux
import Glibc
import PacketIO

/// A thread of the operating system's own, on one processor if asked for.
///
/// Workers are not tasks: a task has no processor of its own, and a worker that sleeps in `poll` would hold one of the pool's.
final class NativeThread {
    private final class Body: Sendable {
        let name: String
        let processor: Int32?
        let run: @Sendable () -> Void

        init(name: String, processor: Int32?, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.processor = processor
            self.run = run
        }
    }

    private let thread: pthread_t

    /// Starts it. Signals that mean the process are left to the thread that waits for them.
    init(name: String, processor: Int32? = nil, _ run: @escaping @Sendable () -> Void) throws(SystemCallError) {
        let body = Unmanaged.passRetained(Body(name: name, processor: processor, run: run))
        var thread = pthread_t()
        var (ofProcess, before) = (sigset_t(), sigset_t())
        sigemptyset(&ofProcess)
        for number in [SIGINT, SIGTERM, SIGHUP, SIGUSR1] { sigaddset(&ofProcess, number) }
        pthread_sigmask(SIG_BLOCK, &ofProcess, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                weir_name_thread(body.name)
                if let processor = body.processor {
                    // A thread that is bound to one processor can't make way for others there, and a wire must not wait for
                    // them. Neither is a reason not to work where it isn't allowed, or the processor went away.
                    _ = weir_pin_thread(processor)
                    _ = weir_favour_thread(-10)
                }
                body.run()
                return nil
            }, body.toOpaque())
        guard code == 0 else {
            body.release()
            throw SystemCallError(call: "pthread_create", code: code)
        }
        self.thread = thread
    }

    /// Waits for its end. To be called once, and not after `detach`.
    func join() {
        pthread_join(thread, nil)
    }

    /// Leaves it to itself: nobody waits for its end.
    func detach() {
        pthread_detach(thread)
    }

    /// The processors that this process may use.
    static func allowedProcessors() -> [Int32] {
        var processors = [Int32](repeating: 0, count: 1024)
        let count = weir_allowed_processors(&processors, Int32(processors.count))
        return Array(processors.prefix(Int(max(count, 0))))
    }
}

/// The number of processors that this process may use; at least 1.
public func processorCount() -> Int {
    max(NativeThread.allowedProcessors().count, 1)
}
