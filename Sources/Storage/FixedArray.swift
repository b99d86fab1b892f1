/// An array of plain values whose length never changes, freed with its owner. Reading and writing take no reference, check no
/// exclusivity and never allocate.
///
/// Elements are reached without a bounds check in a release build: the owner gives out the indices.
@safe
public struct FixedArray<Element: BitwiseCopyable>: ~Copyable, @unchecked Sendable {
    @usableFromInline
    let base: UnsafeMutablePointer<Element>
    public let count: Int

    @inlinable
    public init(repeating element: Element, count: Int) {
        self.count = max(0, count)
        unsafe base = .allocate(capacity: max(1, self.count))
        unsafe base.initialize(repeating: element, count: self.count)
    }

    @inlinable
    deinit {
        unsafe base.deallocate()
    }

    /// - Precondition: `0 <= index < count`, which only a debug build checks.
    @inlinable
    public subscript(index: Int) -> Element {
        @inline(__always) get {
            assert(index >= 0 && index < count)
            return unsafe base[index]
        }
        @inline(__always) nonmutating _modify {
            assert(index >= 0 && index < count)
            yield unsafe &base[index]
        }
    }
}
