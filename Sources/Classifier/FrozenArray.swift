/// A fixed array of plain values that is written once, when it is made, and freed with its owner.
///
/// Elements are read without a bounds check: indices come from the compiler of programs, which emits none outside of its own
/// arrays. Reading takes no reference and checks no exclusivity, as reading an `Array` in a class would.
@safe
struct FrozenArray<Element: BitwiseCopyable & Sendable>: ~Copyable, @unchecked Sendable {
    private let base: UnsafeMutablePointer<Element>
    let count: Int

    init(_ elements: [Element]) {
        count = elements.count
        unsafe base = .allocate(capacity: elements.count)
        for (index, element) in elements.enumerated() {
            unsafe (base + index).initialize(to: element)
        }
    }

    deinit {
        unsafe base.deallocate()
    }

    var byteCount: Int { count * MemoryLayout<Element>.stride }

    /// - Precondition: `0 <= index < count`, which only a debug build checks.
    subscript(index: Int) -> Element {
        assert(index >= 0 && index < count)
        return unsafe base[index]
    }
}
