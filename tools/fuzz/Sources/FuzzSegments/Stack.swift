import Segmentation

/// The bytes of one fuzzer's input, taken from the front; beyond the end there are zeros.
struct Input {
    let bytes: UnsafeBufferPointer<UInt8>
    private var place = 0

    init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    var isAtEnd: Bool { place >= bytes.count }

    mutating func byte() -> UInt8 {
        guard !isAtEnd else { return 0 }
        place += 1
        return bytes[place - 1]
    }

    mutating func word() -> UInt16 { UInt16(byte()) << 8 | UInt16(byte()) }

    mutating func rest() -> [UInt8] {
        let rest = Array(bytes[min(place, bytes.count)...])
        place = bytes.count
        return rest
    }
}

/// A header: its bytes, and the length field that counts from an offset of its own to the frame's end.
private struct Part {
    var bytes: [UInt8]
    var length: (at: Int, from: Int)?
}

/// A super-frame of headers that the input names, innermost last, with lengths that fit.
func build(_ input: inout Input) -> (frame: [UInt8], offload: OffloadHeader) {
    var parts = [Part(bytes: [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0])]
    var isIPv4 = true
    // What the last header says follows it.
    var next = 0x0800
    func announce(_ type: Int) {
        let last = parts.count - 1
        if next == 0 { return }
        let count = parts[last].bytes.count
        if next > 0xff {
            parts[last].bytes[count - 2] = UInt8(type >> 8)
            parts[last].bytes[count - 1] = UInt8(type & 0xff)
        }
    }
    func network(_ number: UInt8) {
        announce(isIPv4 ? 0x0800 : 0x86dd)
        if isIPv4 {
            parts.append(Part(bytes: [0x45, 0, 0, 0, 0, 9, 0x40, 0, 64, number, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], length: (2, 0)))
        } else {
            parts.append(Part(bytes: [0x60, 0, 0, 0, 0, 0, number, 64] + [UInt8](repeating: 7, count: 32), length: (4, 40)))
        }
        next = 0
    }
    levels: for _ in 0..<4 {
        let choice = input.byte()
        isIPv4 = choice & 0x80 == 0
        let check = choice & 0x40 == 0 ? 0 : UInt8(0x11)
        switch choice & 0x0f {
        case 0: break levels
        case 1: network(isIPv4 ? 4 : 41)
        case 2:
            network(47)
            parts.append(Part(bytes: check == 0 ? [0x20, 0, 0, 0, 0, 0] : [0x80, 0, 0x65, 0x58]))
            parts[parts.count - 1].bytes = check == 0 ? [0, 0, 0, 0] : [0xb0, 0, 0x65, 0x58] + [UInt8](repeating: 1, count: 12)
            if check == 0 { next = 0x0800 } else { parts.append(Part(bytes: [UInt8](repeating: 2, count: 14))); next = 0x0800 }
        case 3, 4, 5:
            network(17)
            parts.append(Part(bytes: [1, 2, 0x12, 0xb5, 0, 0, check, check], length: (4, 0)))
            switch choice & 0x0f {
            case 3: parts.append(Part(bytes: [8, 0, 0, 0, 0, 0, 1, 0]))
            case 4: parts.append(Part(bytes: [2, 0, 0x65, 0x58, 0, 0, 1, 0] + [UInt8](repeating: 3, count: 8)))
            default: parts.append(Part(bytes: [0x34, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0], length: (2, 8)))
            }
            guard choice & 0x0f != 5 else { continue }
            parts.append(Part(bytes: [UInt8](repeating: 2, count: 14)))
            next = 0x0800
        case 6:
            guard next != 0 else { continue }
            announce(0x8100)
            parts.append(Part(bytes: [0x60, 5, 0, 0]))
            next = 0x0800
        case 7:
            guard next != 0 else { continue }
            announce(0x8847)
            parts.append(Part(bytes: [0, 1, 1, 64]))
            next = 0
        case 8:
            guard next != 0 else { continue }
            announce(0x8864)
            parts.append(Part(bytes: [0x11, 0, 0, 1, 0, 0, 0, isIPv4 ? 0x21 : 0x57], length: (4, 6)))
            next = 0
        default: continue
        }
    }
    let isTCP = input.byte() & 1 == 0
    isIPv4 = input.byte() & 1 == 0
    network(isTCP ? 6 : 17)
    let start = parts.reduce(0) { $0 + $1.bytes.count }
    parts.append(
        isTCP
            ? Part(bytes: [1, 2, 3, 4, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x99, 1, 1, 0x12, 0x34, 0, 0])
            : Part(bytes: [1, 2, 3, 4, 0, 0, 0x12, 0x34], length: (4, 0)))
    let size = 1 + Int(input.byte()) * 6
    let payload = 1 + Int(input.word()) % (size * 30)
    let total = parts.reduce(payload) { $0 + $1.bytes.count }
    var frame: [UInt8] = []
    for part in parts {
        var bytes = part.bytes
        if let length = part.length {
            let count = total - frame.count - length.from
            bytes[length.at] = UInt8(truncatingIfNeeded: count >> 8)
            bytes[length.at + 1] = UInt8(truncatingIfNeeded: count)
        }
        frame += bytes
    }
    frame += (0..<payload).map { UInt8(truncatingIfNeeded: $0) }
    let kind: OffloadHeader.Kind = isTCP ? (isIPv4 ? .tcp4 : .tcp6) : .udp
    return (
        frame,
        OffloadHeader(
            kind: kind, needsChecksum: true, segmentSize: size, checksumStart: start, checksumOffset: isTCP ? 16 : 6)
    )
}
