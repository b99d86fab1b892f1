import Glibc

/// Memory that is shared with the kernel, unmapped with its owner.
package struct Mapping: ~Copyable {
    package let base: UnsafeMutableRawPointer
    package let count: Int

    /// Maps `count` bytes of the descriptor.
    /// - Parameter isPresent: They are in memory from the start.
    package init(_ descriptor: Int32, count: Int, isPresent: Bool = true) throws(SystemCallError) {
        let address = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_SHARED | (isPresent ? MAP_POPULATE : 0), descriptor, 0)
        guard let address, address != MAP_FAILED else { throw SystemCallError(call: "mmap of \(count) bytes", code: errno) }
        base = address
        self.count = count
    }

    deinit {
        munmap(base, count)
    }
}
