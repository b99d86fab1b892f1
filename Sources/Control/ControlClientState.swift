import CLinux
import Glibc
import SystemCalls

/// One connection, as the server sees it.
struct ControlClientState: ~Copyable {
    let descriptor: Descriptor
    let peer: PeerCredentials
    private var input: [UInt8] = []
    private var output: [UInt8] = []
    /// Bytes of `output` that are gone.
    private var sent = 0
    private var stream: (any AnswerStream)?
    private var id: String?
    private var form = ControlForm.json
    /// No more requests come.
    private var isInputOver = false
    private(set) var isOver = false
    /// Milliseconds of the server's clock: when something was asked or taken last.
    private var moved: Int64
    /// When the stream is to be asked again.
    private(set) var due: Int64?

    init(_ descriptor: consuming Descriptor, _ peer: PeerCredentials, at now: Int64) {
        self.descriptor = descriptor
        self.peer = peer
        moved = now
    }

    private var queued: Int { output.count - sent }

    /// What to poll for. While an answer waits for the client no request is begun, and none is read.
    func events(_ limits: ControlLimits) -> Int16 {
        var events: Int16 = 0
        if stream == nil, !isInputOver, queued < limits.queuedBytes { events |= Int16(POLLIN) }
        if queued > 0 { events |= Int16(POLLOUT) }
        return events
    }

    /// Takes what has come in, up to a line's limit.
    mutating func read(_ limits: ControlLimits, at now: Int64) {
        var part = [UInt8](repeating: 0, count: 4096)
        let room = limits.lineBytes + 1 - input.count
        guard room > 0 else { return }
        let count = recv(descriptor.number, &part, min(part.count, room), 0)
        if count > 0 {
            input.append(contentsOf: part[..<count])
        } else if count == 0 {
            isInputOver = true
        } else if errno != EAGAIN, errno != EINTR {
            isOver = true
        }
        // Bytes that end no request don't keep a connection.
        if count > 0, part[..<count].contains(0x0a) { moved = now }
    }

    /// Begins the answer to the next request, if one is there and none is under way.
    mutating func begin(_ limits: ControlLimits, _ answering: some ControlAnswering) {
        while stream == nil, queued < limits.queuedBytes, !isOver {
            guard let end = input.firstIndex(of: 0x0a) else {
                if input.count > limits.lineBytes {
                    put(ControlFault(.malformed, "a request has more than \(limits.lineBytes) bytes"))
                    isInputOver = true
                    input = []
                } else if isInputOver, !input.isEmpty {
                    put(ControlFault(.malformed, "the request has no line feed at its end"))
                    input = []
                }
                return
            }
            let line = input[..<end]
            do throws(ControlFault) {
                var call = try ControlCall(line: line)
                call.peer = peer
                id = call.id
                form = call.form
                if call.request.changes, !peer.mayChange {
                    throw ControlFault(.denied, "only root and the user of the process may ask for this", id: call.id)
                }
                stream = answering.answer(call)
                due = nil
            } catch {
                id = error.id
                put(error)
            }
            input.removeSubrange(...end)
        }
    }

    /// More could be brought into the queue at once: an item, or the answer to the next request.
    func isReady(_ limits: ControlLimits, at now: Int64) -> Bool {
        guard queued < limits.queuedBytes, !isOver else { return false }
        return stream == nil ? input.contains(0x0a) : due ?? now <= now
    }

    /// Brings items of the answer into the queue.
    mutating func pump(_ limits: ControlLimits, at now: Int64) {
        guard let stream, due ?? now <= now else { return }
        due = nil
        for _ in 0..<limits.turn {
            guard queued < limits.queuedBytes else { return }
            switch stream.next() {
            case .item(let item):
                // The time that it has begins with what it is to take.
                if queued == 0 { moved = now }
                let head = id.map { "{\"id\":\"\($0)\"," } ?? "{"
                output += Array(form == .json ? "\(head)\"item\":\(item)}\n".utf8 : "\(head)\"text\":\(JSONText.quoted(item))}\n".utf8)
            case .wait(let milliseconds):
                due = now + Int64(milliseconds)
                return
            case .end:
                put("\"end\":\"done\"", at: now)
                return
            case .failed(let fault):
                put(fault)
                moved = now
                return
            }
        }
    }

    /// The stream is to be asked again at once.
    mutating func hurry() { due = nil }

    private mutating func put(_ members: String, at now: Int64) {
        let head = id.map { "{\"id\":\"\($0)\"," } ?? "{"
        output += Array("\(head)\(members),\"version\":\(ControlCall.version)}\n".utf8)
        stream = nil
        due = nil
        moved = now
    }

    private mutating func put(_ fault: ControlFault) {
        put("\"end\":\"failed\",\"code\":\"\(fault.code.rawValue)\",\"message\":\(JSONText.quoted(fault.message))", at: moved)
    }

    /// Sends what the peer takes without waiting.
    mutating func write(at now: Int64) {
        while queued > 0, !isOver {
            let count = output[sent...].withUnsafeBytes {
                send(descriptor.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count > 0 {
                sent += count
                moved = now
            } else if errno == EAGAIN {
                break
            } else if errno != EINTR {
                isOver = true
            }
        }
        if queued == 0 {
            output.removeAll(keepingCapacity: output.capacity <= 1 << 17)
            sent = 0
            if isInputOver, stream == nil, !input.contains(0x0a) { isOver = true }
        } else if sent > 1 << 16 {
            output.removeSubrange(..<sent)
            sent = 0
        }
    }

    /// Ends a connection that has come to nothing for too long, or whose peer is gone.
    mutating func expire(_ limits: ControlLimits, hasHungUp: Bool, at now: Int64) {
        if hasHungUp { isOver = true }
        if queued > 0 {
            if now - moved >= limits.stuckTime { isOver = true }
        } else if stream == nil, now - moved >= limits.idleTime {
            isOver = true
        }
    }
}
