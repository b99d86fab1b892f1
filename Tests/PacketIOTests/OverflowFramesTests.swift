import Glibc
import PacketIO
import Testing

/// Frames that don't fit a slot, on the second way.
@Suite struct OverflowFramesTests {
    /// Two ends of a queue of datagrams.
    private func pair() throws -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, &ends) == 0)
        var size: Int32 = 1 << 20
        setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        return (ends[0], ends[1])
    }

    /// Ten bytes of a virtio header, then the frame.
    private func send(_ frame: [UInt8], to end: Int32) {
        let bytes = [UInt8](repeating: 0, count: 10) + frame
        #expect(Glibc.send(end, bytes, bytes.count, 0) == bytes.count)
    }

    @Test func `a frame beyond the budget waits until the others have been looked at`() throws {
        let (near, far) = try pair()
        defer {
            close(near)
            close(far)
        }
        var frames = OverflowFrames()
        var places: [UnsafeMutableRawPointer] = []
        // 4,096 bytes each with the virtio header: they fill the budget to the last byte.
        let length = 4086
        for number in 0..<UInt8(OverflowFrames.budget / 4096) {
            send([UInt8](repeating: number, count: length), to: near)
            guard case .frame(let place) = frames.receive(from: far, length: length) else {
                Issue.record("frame \(number) did not come")
                return
            }
            places.append(place)
        }
        send([UInt8](repeating: 0xff, count: length), to: near)
        guard case .full = frames.receive(from: far, length: length) else {
            Issue.record("one frame more was received than there is room for")
            return
        }
        for (number, place) in places.enumerated() {
            let bytes = UnsafeRawBufferPointer(start: place, count: length)
            #expect(bytes.allSatisfy { $0 == UInt8(number) }, "frame \(number) was written over")
        }
        frames.reset()
        guard case .frame(let place) = frames.receive(from: far, length: length) else {
            Issue.record("the frame after them did not come")
            return
        }
        #expect(UnsafeRawBufferPointer(start: place, count: length).allSatisfy { $0 == 0xff })
    }

    @Test("a frame of another length than was said is lost", arguments: [2999, 3001])
    func length(_ said: Int) throws {
        let (near, far) = try pair()
        defer {
            close(near)
            close(far)
        }
        var frames = OverflowFrames()
        send([UInt8](repeating: 1, count: 3000), to: near)
        guard case .lost = frames.receive(from: far, length: said) else {
            Issue.record("it was taken")
            return
        }
    }
}
