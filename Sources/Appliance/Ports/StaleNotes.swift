import Glibc
package import PacketIO

extension PortJournal {
    /// A note that nobody needs any more.
    package struct StaleNote: Sendable, Equatable {
        package var path: String
        /// Why, in words.
        package var reason: String
    }

    /// The notes about interfaces that are no more. A run that was killed leaves them, when its ports are deleted or made again before
    /// the next start.
    ///
    /// What may still be needed stays:
    /// - Notes of other network namespaces, whose interfaces can't be seen from here.
    /// - The note about an interface that is here or, as far as that can be seen, has moved to another namespace.
    /// - Notes about an interface that another run has reserved.
    ///
    /// - Parameters:
    ///   - links: The interfaces of this namespace.
    ///   - elsewhere: The interfaces of other namespaces; nil if they can't be known.
    ///   - isReserved: A run has the interface of this index.
    package func staleNotes(among links: [Link], elsewhere: [Link]?, isReserved: (Int32) -> Bool) -> [StaleNote] {
        // Without a cookie the notes of all namespaces look alike.
        guard namespace != 0 else { return [] }
        return entries().filter { !isReserved($0.index) }.compactMap { entry in
            objection(to: entry, links, elsewhere).map { StaleNote(path: entry.path, reason: $0) }
        }
    }

    /// The same, with the interfaces as they are now.
    func staleNotes(_ table: Links) throws(SystemCallError) -> [StaleNote] {
        // The other namespaces are only looked into for a note about an interface that isn't a run's.
        guard entries().contains(where: { !PortLock.isHeld($0.index).0 }) else { return [] }
        return staleNotes(among: try table.all(), elsewhere: OtherNamespace.links(table)) { PortLock.isHeld($0).0 }
    }

    /// Why a note is of no use any more; nil if it may be.
    private func objection(to entry: Entry, _ links: [Link], _ elsewhere: [Link]?) -> String? {
        if entry.isDraft { return "a run was killed while it noted what interface \(entry.index) was like before" }
        switch content(entry.path) {
        case .outdated:
            return "the note about interface \(entry.index) is of an earlier start of the machine"
        case .unreadable:
            let isThere = links.contains { $0.index == entry.index }
            return isThere ? nil : "the note about interface \(entry.index), which is gone, can't be read"
        case .note(let originals):
            guard let elsewhere else { return nil }
            let isThere = (links + elsewhere).contains { originals.kinship(to: $0) != .stranger }
            return isThere ? nil : "interface \(entry.index) is gone, which a run that was killed had as a port"
        }
    }
}
