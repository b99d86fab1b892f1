/// Numbers for values, from 0 on in the order in which they come: the same for equal ones.
struct Numbering<Element: Hashable> {
    /// By their numbers.
    private(set) var elements: [Element] = []
    private var numbers: [Element: Int32] = [:]

    mutating func number(of element: Element) -> Int32 {
        if let number = numbers[element] { return number }
        let number = Int32(elements.count)
        numbers[element] = number
        elements.append(element)
        return number
    }
}
