// A table's objects, and what is set aside in it.

extension Checker {
    mutating func declare(_ part: SetAside, inTableAt table: Int) {
        if tables[table].setAside.contains(where: { $0.kind == part.kind && $0.name == part.name && $0 != part }) {
            return sink.error(part.location, "\(part.kind) '\(printable(part.name))' already exists")
        }
        tables[table].setAside.append(part)
        contents[table].notices.append(part.diagnostic)
    }

    mutating func declare(_ set: UnsupportedSet, inTableAt table: Int) {
        tables[table].setAside.append(set.setAside)
        contents[table].declarations.refuse(set.setAside.name, set.failure)
        contents[table].notices.append(set.setAside.diagnostic)
    }

    /// nft takes the same name again and leaves the object as it was; that can only be a mistake.
    mutating func declare(_ object: NamedObject, inTableAt table: Int) {
        guard contents[table].declarations.declare(object) else {
            return sink.error(object.location, "\(object.kind.rawValue) '\(printable(object.name))' already exists")
        }
        tables[table].objects.append(object)
    }
}
