import Answers
import CLinux
package import Capture
import Classifier
import Decisions
package import Firewall
import Fragments
import Glibc
package import PacketIO
package import Reporting
import Segmentation
import Storage
package import Synchronization
import Wire

/// What the control thread tells all workers.
package final class WorkerControl: Sendable {
    /// The operator's MTU of each port, by which "too big" is judged.
    package let nearMTU = Atomic<UInt32>(0)
    package let farMTU = Atomic<UInt32>(0)
    /// The largest super-frames that each port takes (`SuperFrameLimits.packed`).
    package let nearSuperFrames = Atomic<UInt64>(SuperFrameLimits().packed)
    package let farSuperFrames = Atomic<UInt64>(SuperFrameLimits().packed)
    package let isStopping = Atomic<Bool>(false)

    package init() {}
}

/// One worker: both ports' frames of the hosts that the fanout gives to it, judged and forwarded by one thread that shares
/// nothing with the others.
package struct Worker: ~Copyable {
    var firewall: Firewall
    /// By port, in the order of the configuration.
    let counters: (PortCounters, PortCounters)
    let control: WorkerControl
    private var sink: DropSink
    private let mailbox: UpdateMailbox
    private let flowRequest: FlowRequest
    private let controlRequest: FlowRequest
    private let heartbeat: Heartbeat
    private let errand: WorkerErrand
    private let rulesErrand: WorkerErrand
    private let number: Int
    var segmenter = Segmenter()
    var carriage = TunnelCarriage()
    let fastPath: FastPath?
    /// The rules' number in entries of the kernel path.
    private(set) var generation: UInt32
    /// Of the frame that passed last.
    var pass = PassNote(bits: 0)
    /// The frame of which a piece was lost last. Its memory is another's once the ring has it again.
    private var lostInPieces: UnsafeMutableRawPointer?

    package init(
        number: Int, firewall: consuming Firewall, counters: [PortCounters], control: WorkerControl, drops: DropCapture?,
        log: LogQueue = LogQueue(),
        groups: GroupOutputs<DropCapture>? = nil, reportsDrops: Bool = false, mailbox: UpdateMailbox = UpdateMailbox(),
        flowRequest: FlowRequest = FlowRequest()
    ) {
        self.init(
            number: number, firewall: firewall, counters: counters, control: control, drops: drops, log: log, groups: groups,
            reportsDrops: reportsDrops, mailbox: mailbox, flowRequest: flowRequest, controlRequest: FlowRequest(), heartbeat: Heartbeat(),
            errands: nil, recentDrops: nil, fastPath: nil)
    }

    init(
        number: Int, firewall: consuming Firewall, counters: [PortCounters], control: WorkerControl, drops: DropCapture?, log: LogQueue,
        groups: GroupOutputs<DropCapture>?, reportsDrops: Bool, mailbox: UpdateMailbox, flowRequest: FlowRequest,
        controlRequest: FlowRequest, heartbeat: Heartbeat, errands: (WorkerErrand, WorkerErrand)?, recentDrops: CaptureQueue?,
        fastPath: FastPath?
    ) {
        self.fastPath = fastPath
        generation = FastPath.tag(of: firewall.generation)
        self.firewall = firewall
        self.counters = (counters[0], counters[1])
        self.control = control
        sink = DropSink(
            worker: number, drops: drops, groups: groups, events: log, reportsDrops: reportsDrops, recent: recentDrops)
        self.mailbox = mailbox
        self.flowRequest = flowRequest
        self.controlRequest = controlRequest
        self.heartbeat = heartbeat
        (errand, rulesErrand) = errands ?? (WorkerErrand(), WorkerErrand())
        self.number = number
    }

    /// Forwards between the two sockets until `control` says stop; `waker` wakes it for that.
    package mutating func run(_ near: PortSocket, _ far: PortSocket, waker: Waker) {
        var nearRing = ReceiveRing(near)
        var farRing = ReceiveRing(far)
        var batch = SendBatch()
        while !control.isStopping.load(ordering: .relaxed) {
            heartbeat.beat()
            if mailbox.isThere { adopt() }
            if flowRequest.isAsked || controlRequest.isAsked || errand.isAsked || rulesErrand.isAsked { tellFlows() }
            expire(&batch, near, far)
            if firewall.carriesFlows { attendToCarriage(nearRing, farRing) }
            let moved =
                relay(&nearRing, &batch, from: near, to: far, ingress: 0)
                + relay(&farRing, &batch, from: far, to: near, ingress: 1)
            firewall.settlePasses()
            if moved == 0 { sleep(near, far, waker) }
        }
        takeBackAll()
        firewall.settlePasses()
        firewall.countFlows()
    }

    /// Uses the rules in its mailbox from the next frame on.
    @inline(never)
    private mutating func adopt() {
        guard let delivery = mailbox.take() else { return }
        // Under the counters of the rules by which it was carried.
        takeBackAll()
        releaseCarried(before: delivery.generation.program)
        firewall.use(
            delivery.generation.program, counters: delivery.counters, generation: delivery.generation.number, newFlows: delivery.flows,
            rechecksFlows: delivery.rechecksFlows)
        generation = FastPath.tag(of: delivery.generation.number)
        sink.use(delivery.groups, worker: number)
        mailbox.adopt(delivery.generation.number)
    }

    /// Does what reports and the control socket ask for.
    @inline(never)
    mutating func tellFlows() {
        let now = Clock.now()
        flowRequest.tell(&firewall, at: now)
        controlRequest.tell(&firewall, at: now)
        errand.run()
        rulesErrand.run()
    }

    /// Waits until a frame or a request comes, or a held fragment has waited long enough.
    private func sleep(_ near: PortSocket, _ far: PortSocket, _ waker: Waker) {
        // Nobody else would bring them to where reports look.
        firewall.countFlows()
        var timeout: Int32 = -1
        let deadline = min(firewall.deadline ?? .max, firewall.carriageDeadline ?? .max)
        if deadline != .max {
            let now = Clock.now().monotonic
            timeout = deadline <= now ? 0 : Int32(clamping: (deadline - now) / 1_000_000 + 1)
        }
        var events = (
            pollfd(fd: near.number, events: Int16(POLLIN), revents: 0),
            pollfd(fd: far.number, events: Int16(POLLIN), revents: 0),
            pollfd(fd: waker.number, events: Int16(POLLIN), revents: 0)
        )
        _ = withUnsafeMutableBytes(of: &events) { poll($0.baseAddress?.assumingMemoryBound(to: pollfd.self), 3, timeout) }
        if events.2.revents != 0 { waker.clear() }
        // A port that goes down leaves an error that would wake us again and again; what became of the port is for the
        // control thread to see.
        if events.0.revents & Int16(POLLERR) != 0 { _ = near.takeError() }
        if events.1.revents & Int16(POLLERR) != 0 { _ = far.takeError() }
    }

    /// Takes what has come in on one port, up to a batch, and sends on what is allowed. Returns how many frames came.
    private mutating func relay(
        _ ring: inout ReceiveRing, _ batch: inout SendBatch, from: PortSocket, to: PortSocket, ingress: Int
    ) -> Int {
        let received = ingress == 0 ? counters.0 : counters.1
        firewall.useMTUs(Int(control.nearMTU.load(ordering: .relaxed)), Int(control.farMTU.load(ordering: .relaxed)))
        var seen = 0
        var isBusy = false
        var now = Instant(monotonic: 0, sinceEpoch: 0)
        receiving: while seen < SendBatch.capacity {
            switch ring.next() {
            case .nothing:
                break receiving
            case .busy:
                isBusy = true
                break receiving
            case .truncated:
                if seen == 0 { now = Clock.now() }
                seen += 1
                received.count(.receivedFrames)
                received.count(.truncated)
            case .frame(var frame):
                if seen == 0 { now = Clock.now() }
                seen += 1
                received.count(.receivedFrames)
                received.count(.receivedBytes, frame.length + (frame.tag == nil ? 0 : VLANTag.length))
                if batch.isFull { flush(&batch, to: to, ingress: ingress) }
                switch judge(&frame, from: from, ingress: ingress, at: now, received) {
                case .none: break
                case .whole: batch.append(frame, note: pass.bits)
                // Each segment is as much work as a frame, and the other port's frames must not wait longer for them.
                case .inPieces(let segments): seen += segment(frame, segments, &batch, to: to, ingress: ingress)
                case .inFragments: seen += cut(frame, &batch, to: to, ingress: ingress)
                }
                if firewall.hasDepartures { depart(&batch, from: from, to: to, ingress: ingress, at: now) }
            }
        }
        guard seen > 0 || isBusy else { return 0 }
        flush(&batch, to: to, ingress: ingress)
        ring.release()
        lostInPieces = nil
        sink.wakeWriters()
        return max(seen, 1)
    }

    /// Sends what is in the batch; `ingress` is the port by which it came.
    mutating func flush(_ batch: inout SendBatch, to: PortSocket, ingress: Int) {
        let sent = ingress == 0 ? counters.1 : counters.0
        batch.flush(on: to) { bytes in
            sent.count(.sentFrames)
            sent.count(.sentBytes, bytes)
        } isLost: { waiting, code in
            sent.countFailure(code)
            lose(waiting, ingress: ingress)
        }
    }

    /// Takes note that a frame, or a piece of one, was not sent.
    @inline(never)
    private mutating func lose(_ waiting: WaitingFrame, ingress: Int) {
        let frame = waiting.frame
        if waiting.isPiece {
            guard lostInPieces != frame.start else { return }
            lostInPieces = frame.start
        }
        drop(unsent: frame, PassNote(bits: waiting.note), ingress: ingress)
    }

    /// Captures and counts a frame that passed and was not sent.
    @inline(never)
    mutating func drop(unsent frame: ReceivedFrame, _ pass: PassNote, ingress: Int) {
        let judgement = firewall.takeBack(pass, frame.bytes.bytes, tag: frame.tag, zeroLength: frame.virtioHeader.zeroLength)
        if sink.takesDrops { reportDrop(frame, judgement, ingress: ingress) }
    }

    /// How a frame leaves.
    private enum Departure {
        case none, whole
        /// In pieces of that many segments; a piece of more than one is a super-frame again.
        case inPieces(of: Int)
        /// Cut, since it is too big for the port.
        case inFragments
    }

    /// Judges one frame, and captures and counts it if it is dropped.
    private mutating func judge(
        _ frame: inout ReceivedFrame, from: PortSocket, ingress: Int, at now: Instant, _ received: PortCounters
    ) -> Departure {
        let memory = UnsafeMutableRawBufferPointer(start: frame.start, count: frame.length)
        var bytes = memory.mutableBytes
        let header = frame.virtioHeader
        let flags = header.flags
        let judgement = firewall.judge(
            &bytes, tag: frame.tag, isChecksumPartial: flags & UInt8(VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0,
            isChecksumValid: flags & UInt8(VIRTIO_NET_HDR_F_DATA_VALID) != 0, zeroLength: header.zeroLength,
            offload: frame.offload, ingress: UInt8(truncatingIfNeeded: ingress), at: now,
            frameTag: FrameTag(at: frame.start - ReceivedFrame.virtioHeaderLength), time: frame.time)
        if firewall.eventCount > 0 { report(frame, judgement, ingress: ingress, at: now) }
        if firewall.answerOutcome != .none { send(firewall.answerBytes, firewall.answerOutcome, on: from, received) }
        if frame.tag != nil { frame.tag = judgement.frame.outermostTag }
        guard settles(frame, judgement, ingress: ingress, received) else { return .none }
        pass = PassNote(judgement.decision)
        if flags & UInt8(VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0, frame.offload.isOfSCTP { frame.finishSCTPChecksum() }
        if judgement.losesTrailer { cutTrailer(of: &frame) }
        if judgement.leavesInFragments { return .inFragments }
        return Int32(frame.virtioHeader.gso_type) == VIRTIO_NET_HDR_GSO_NONE ? .whole : departure(frame, judgement.frame, ingress: ingress)
    }

    /// How a super-frame leaves.
    private func departure(_ frame: ReceivedFrame, _ parsed: ParsedFrame, ingress: Int) -> Departure {
        guard isPlain(frame, parsed) else { return .inPieces(of: 1) }
        let limits = limits(ingress)
        // After a tag the kernel doesn't look which IP it is (netif_get_gso_max_size).
        let limit = Int(
            parsed.network != .ipv6 ? limits.ipv4 : parsed.tagCount == 0 ? limits.ipv6 : min(limits.ipv4, limits.ipv6))
        let offload = frame.offload
        guard parsed.length > limit, offload.needsChecksum, offload.kind != .other, offload.segmentSize > 0 else { return .whole }
        // TCP's header has at most 60 bytes (RFC 9293, section 3.1).
        let headers = parsed.transportOffset + parsed.length - parsed.byteCount + 60
        return .inPieces(of: max(1, (limit - headers) / offload.segmentSize))
    }

    /// Returns true if the kernel can segment a super-frame: it does so by the outermost transport header, and refuses a frame whose
    /// innermost is another one (net/ipv4/udp_offload.c, net/ipv4/gre_offload.c). Where it isn't told which, it looks itself.
    private func isPlain(_ frame: ReceivedFrame, _ parsed: ParsedFrame) -> Bool {
        let header = frame.virtioHeader
        if header.flags & UInt8(VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0 { return Int(header.csum_start) == parsed.transportOffset }
        switch frame.offload.kind {
        case .tcp4, .tcp6: return parsed.transportProtocol == IPProtocol.tcp
        default: return parsed.transportProtocol == IPProtocol.udp
        }
    }

    /// Returns true if the frame should be sent. Drops are captured and reported here.
    private mutating func settles(
        _ frame: ReceivedFrame, _ judgement: Judgement, ingress: Int, _ received: PortCounters
    ) -> Bool {
        switch judgement.verdict.fate {
        case .passes: return true
        case .waits: return false
        case .ends:
            if judgement.reason == .tooBig { received.count(.tooBig) }
            if sink.takesDrops { reportDrop(frame, judgement, ingress: ingress) }
            return false
        }
    }

    /// Leaves off what follows the packet.
    @inline(never)
    private func cutTrailer(of frame: inout ReceivedFrame) {
        frame.length = ParsedFrame.parse(frame.bytes.bytes, tag: frame.tag).networkEnd
    }

    /// Sends an answer by the port by which its frame came. The kernel's queue may be full: a sender tries again.
    @inline(never)
    private func send(_ answer: UnsafeRawBufferPointer, _ outcome: AnswerWriter.Outcome, on port: PortSocket, _ counters: PortCounters) {
        switch outcome {
        case .none, .unanswerable: break
        case .overRate: counters.count(.answersOverRate)
        case .written: if port.send(answer) { counters.count(.answers) }
        }
    }

    /// Sends or captures held frames that were decided on, after the batch: it holds what came before them.
    @inline(never)
    private mutating func depart(_ batch: inout SendBatch, from: PortSocket, to: PortSocket, ingress: Int, at now: Instant) {
        let received = ingress == 0 ? counters.0 : counters.1
        repeat {
            while let departure = firewall.nextDeparture(at: now.monotonic) {
                if firewall.answerOutcome != .none { send(firewall.answerBytes, firewall.answerOutcome, on: from, received) }
                let held = departure.held
                var frame = ReceivedFrame(start: held.start, length: held.length, tag: held.tag, time: held.time)
                // What dies of age or for room may have come by the other port; what is sent has come by this one.
                let port = Int(held.ingress)
                guard settles(frame, departure.judgement, ingress: port, received) else { continue }
                pass = PassNote(departure.judgement.decision)
                if departure.judgement.losesTrailer { cutTrailer(of: &frame) }
                if departure.judgement.leavesInFragments {
                    _ = cut(frame, &batch, to: to, ingress: ingress)
                    continue
                }
                if batch.isFull { flush(&batch, to: to, ingress: ingress) }
                batch.append(frame, note: pass.bits)
            }
            flush(&batch, to: to, ingress: ingress)
            lostInPieces = nil
        } while firewall.finishDepartures()
    }

    /// Ends what was held too long.
    private mutating func expire(_ batch: inout SendBatch, _ near: PortSocket, _ far: PortSocket) {
        guard let deadline = firewall.deadline else { return }
        let now = Clock.now()
        guard deadline <= now.monotonic else { return }
        firewall.expire(at: now)
        depart(&batch, from: near, to: far, ingress: 0, at: now)
        sink.wakeWriters()
    }

    /// Queues the events of `log` statements; other threads write them.
    @inline(never)
    private mutating func report(_ frame: ReceivedFrame, _ judgement: Judgement, ingress: Int, at now: Instant) {
        let sunk = sunk(frame, judgement, ingress: ingress)
        for index in 0..<firewall.eventCount {
            guard let event = firewall.event(index) else {
                sink.leaveOut(firewall.eventCount - index, at: now.sinceEpoch)
                break
            }
            sink.log(event, sunk, at: now.sinceEpoch)
        }
    }

    @inline(never)
    private mutating func reportDrop(_ frame: ReceivedFrame, _ judgement: Judgement, ingress: Int) {
        sink.drop(sunk(frame, judgement, ingress: ingress))
    }

    /// What captures and events are told of a frame.
    private func sunk(_ frame: ReceivedFrame, _ judgement: Judgement, ingress: Int) -> SunkFrame {
        let tagLength = frame.tag == nil ? 0 : VLANTag.length
        let header = frame.virtioHeader
        let partial =
            header.flags & UInt8(VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0
            ? nil
            : PartialChecksum(
                start: header.csum_start &+ UInt16(tagLength), offset: header.csum_offset, segmentation: header.gso_type,
                segmentSize: header.gso_size)
        return SunkFrame(
            judgement, ingress: UInt8(truncatingIfNeeded: ingress), time: frame.time, bytes: frame.bytes, tag: frame.tag,
            partialChecksum: partial)
    }
}
