/// A fixed array of plain values that is written once, when it is made, and freed with its owner.
///
/// Elements are read without a bounds check: indices come from the compiler of programs, which emits none outside of its own
/// arrays. Reading takes no reference and checks no exclusivity, as reading an `Array` in a class would.
@safe
struct FrozenArray<Element: BitwiseCopyable & Sendable>: ~Copyable, @unchecked Sendable {
    private let base: UnsafeMutablePointer<Element>
    let count: Int
    private static var cacheLine: Int { 64 }

    init(_ elements: [Element]) {
        count = elements.count
        // At the beginning of a cache line: what is as large as one is then read with one wait for memory. The allocator's own places,
        // at multiples of 16, part all of them between two.
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: max(1, elements.count) * MemoryLayout<Element>.stride, alignment: Self.cacheLine)
        unsafe base = memory.bindMemory(to: Element.self, capacity: elements.count)
        for (index, element) in elements.enumerated() {
            unsafe (base + index).initialize(to: element)
        }
    }

    deinit {
        unsafe UnsafeMutableRawPointer(base).deallocate()
    }

    /// Memory of the elements.
    var byteCount: Int { count * MemoryLayout<Element>.stride }

    /// - Precondition: `0 <= index < count`, which only a debug build checks.
    subscript(index: Int) -> Element {
        assert(index >= 0 && index < count)
        return unsafe base[index]
    }

    /// Where an element is, for as long as the array is.
    /// - Precondition: As of the subscript.
    @inline(__always)
    func address(of index: Int) -> UnsafePointer<Element> {
        assert(index >= 0 && index < count)
        return unsafe UnsafePointer(base + index)
    }
}
