extension Assignment {
    /// The statement as it is written.
    func text(_ localTime: LocalTime = .utc) -> String {
        switch value {
        case .removed: removalText ?? ""
        case .field(let source): "\(field.words) set \(Selector.reading(source).text)"
        case .bits(let component): "\(field.words) set \(component.text)"
        case .shifted(let bits): "\(field.words) set \(bits.text)"
        case .constant(let number): "\(field.words) set \(text(of: number))"
        case .mapped(let map):
            "\(field.words) set \(map.key.text) map "
                + map.elements.text(ElementText(map.key.components.map(\.field), data: field, localTime: localTime))
        }
    }

    private func text(of number: UInt128) -> String {
        let selector = Selector.reading(field)
        let values = ValueText(selector)
        // Raw bits stand in hexadecimal.
        if field.words.hasPrefix("@") { return "0x" + String(number, radix: 16) }
        if selector.type.isBitmask { return values.flags(number, isElement: true) }
        // nft reads the names of most protocols as the beginning of a field here.
        if selector.type == .protocolNumber { return number == 0 ? "ip" : values.plain(number) }
        return selector.type.printedName(of: number) ?? values.plain(number)
    }
}
