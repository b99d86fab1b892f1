// Public, although only this package needs it: Swift 6.3.1 does not inline `@inlinable package` code into other modules, which costs a
// frame a quarter more instructions.

/// A fixed array of plain values that is written once, when it is made, and freed with its owner.
///
/// Elements are read without a bounds check: indices come from the compiler of programs, which emits none outside of its own
/// arrays. Reading takes no reference and checks no exclusivity, as reading an `Array` in a class would.
@safe
public struct FrozenArray<Element: BitwiseCopyable & Sendable>: ~Copyable, @unchecked Sendable {
    @usableFromInline
    let base: UnsafeMutablePointer<Element>
    public let count: Int
    @usableFromInline
    static var cacheLine: Int { 64 }

    @inlinable
    public init(_ elements: [Element]) {
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

    @inlinable
    deinit {
        unsafe UnsafeMutableRawPointer(base).deallocate()
    }

    /// Memory of the elements.
    public var byteCount: Int { count * MemoryLayout<Element>.stride }

    /// - Precondition: `0 <= index < count`, which only a debug build checks.
    @inlinable @inline(__always)
    public subscript(index: Int) -> Element {
        assert(index >= 0 && index < count)
        return unsafe base[index]
    }

    /// Where an element is, for as long as the array is.
    /// - Precondition: `0 <= index <= count`, which only a debug build checks; the place after the last element is not to be read.
    @inlinable @inline(__always)
    public func address(of index: Int) -> UnsafePointer<Element> {
        assert(index >= 0 && index <= count)
        return unsafe UnsafePointer(base + index)
    }
}
