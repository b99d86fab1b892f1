/// Numbers in network byte order, written in place. They trap outside of the span, as the loads do.
extension MutableRawSpan {
    package mutating func store(_ value: UInt8, at offset: Int) {
        storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
    }

    package mutating func store(_ value: UInt16, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
    }

    package mutating func store(_ value: UInt32, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
    }

    package mutating func store(_ value: UInt128, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt128.self)
    }

    package mutating func copy(_ bytes: RawSpan, from source: Int, count: Int, to destination: Int) {
        for index in 0..<count {
            store(bytes.u8(at: source &+ index), at: destination &+ index)
        }
    }
}
