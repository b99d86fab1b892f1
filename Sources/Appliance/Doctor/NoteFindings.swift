import PacketIO

/// What there is, and isn't, of the notes of what a port was like before.
enum NoteFindings {
    /// What a run says of a port whose IPv6 addresses nobody knows any more.
    static let lostIPv6 = "the IPv6 addresses, routes and neighbours that it had before are noted nowhere, and can't be put back"

    /// What a start has to say.
    ///
    /// - Parameters:
    ///   - guardNote: What the guard that stands on the interface says.
    ///   - earlier: What is known from all notes together.
    static func atStart(
        _ link: Link, called name: String, _ journal: PortJournal, guardNote: PortOriginals?, _ earlier: PortOriginals?
    ) -> [Finding] {
        damaged(link, name, journal, guardNote) + lost(link, name, earlier)
    }

    /// What there is to say at any other time.
    static func of(
        _ link: Link, called name: String, _ journal: PortJournal, _ standing: StandingGuard?, isTaken: Bool
    ) -> [Finding] {
        let noted = standing?.originals
        let findings = damaged(link, name, journal, noted) + abandoned(link, name, journal, standing, isTaken) + renamed(link, name, noted)
        // A run that goes on knows it by itself.
        guard !isTaken, noted?.lacksIPv6State == true, journal.read(about: link).map({ $0.lacksIPv6State == true }) ?? true else {
            return findings
        }
        return findings + lost(link, name, noted)
    }

    /// A run was killed, and its guard taken away.
    private static func abandoned(
        _ link: Link, _ name: String, _ journal: PortJournal, _ standing: StandingGuard?, _ isTaken: Bool
    ) -> [Finding] {
        guard !isTaken, standing == nil, let originals = journal.read(about: link) else { return [] }
        let changes = originals.changes(of: link)
        guard !changes.isEmpty else { return [] }
        return [
            Finding(
                .warning, .notes, name,
                "a run that was killed had \(link.name), and its guard is gone: the host hears and speaks there, and "
                    + changes.joined(separator: ", "),
                do: "start Weir again, which takes over, and end it if the port is to be as it was")
        ]
    }

    /// A run calls the interface otherwise than the operator does now.
    private static func renamed(_ link: Link, _ name: String, _ noted: PortOriginals?) -> [Finding] {
        guard let port = noted?.port, !link.isCalled(port), PortLock.isHeld(link.index).0 else { return [] }
        return [Finding(.note, .port, name, "Weir has the interface \(link.name) as \(port), which was its name")]
    }

    private static func damaged(_ link: Link, _ name: String, _ journal: PortJournal, _ guardNote: PortOriginals?) -> [Finding] {
        guard let path = journal.damagedNote(about: link.index) else { return [] }
        let remedy: String =
            switch guardNote {
            case nil: "look at its MTU, offloads and IPv6 addresses after the run, then remove the file"
            case let noted? where noted.lacksIPv6State == true: "its guard has the same note, but for the IPv6 addresses"
            default: "nothing is lost: its guard has the same note"
            }
        return [
            Finding(
                .warning, .notes, name, "\(path), the note of what \(link.name) was like before, is damaged and is not used", do: remedy)
        ]
    }

    private static func lost(_ link: Link, _ name: String, _ earlier: PortOriginals?) -> [Finding] {
        guard earlier?.lacksIPv6State == true else { return [] }
        return [
            Finding(
                .warning, .notes, name, "\(link.name) was taken by a run that was killed, and \(lostIPv6)",
                do: "set them up again after the next run")
        ]
    }
}
