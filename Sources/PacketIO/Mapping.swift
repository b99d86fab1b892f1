import Glibc

/// Memory that is shared with the kernel, unmapped with its owner.
struct Mapping: ~Copyable {
    let base: UnsafeMutableRawPointer
    let count: Int

    /// Maps `count` bytes of the descriptor, present in memory from the start.
    init(_ descriptor: Int32, count: Int) throws(SystemCallError) {
        let address = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, 0)
        guard let address, address != MAP_FAILED else { throw SystemCallError(call: "mmap of \(count) bytes", code: errno) }
        base = address
        self.count = count
    }

    deinit {
        munmap(base, count)
    }
}
