import CLinux
import Glibc

/// What switching IPv6 off takes from an interface and switching it on doesn't bring back: addresses, routes and neighbours that are
/// neither the kernel's own nor learnt (net/ipv6/addrconf.c, addrconf_ifdown).
extension Links {
    /// Seconds of CLOCK_MONOTONIC, which stands still with the kernel's timers while the machine sleeps.
    private static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec)
    }

    /// As the messages that put it there again, in the order in which they have to be sent.
    func volatileIPv6State(of link: Link) throws(SystemCallError) -> [SavedMessage] {
        // The newest is listed first; which is first decides where nothing else chooses a source address (RFC 6724, section 5).
        let makesLinkLocal = IPv6Switch(index: link.index).makesLinkLocal
        let addresses = try addressMessages(of: link, family: AF_INET6).reversed()
            .compactMap { SavedMessage(address: $0, makesLinkLocal: makesLinkLocal, at: Self.now) }
        let neighbours = try neighbourMessages(of: link, flags: 0) + neighbourMessages(of: link, flags: UInt8(NTF_PROXY))
        return addresses + neighbours.compactMap { SavedMessage(neighbour: $0) } + (try routes(over: link))
    }

    private func neighbourMessages(of link: Link, flags: UInt8) throws(SystemCallError) -> [ArraySlice<UInt8>] {
        var header = ndmsg()
        header.ndm_family = UInt8(AF_INET6)
        header.ndm_flags = flags
        return try query(NetlinkMessage(type: RTM_GETNEIGH, header: header), "list the neighbours of \(link.name)").map(\.payload)
            .filter { NetlinkReader($0).value(as: ndmsg.self).map { $0.ndm_ifindex == link.index } ?? false }
    }

    private func routes(over link: Link) throws(SystemCallError) -> [SavedMessage] {
        var header = rtmsg()
        header.rtm_family = UInt8(AF_INET6)
        let learns = IPv6Switch(index: link.index).learnsRoutes
        return try query(NetlinkMessage(type: RTM_GETROUTE, header: header), "list the routes of \(link.name)")
            .compactMap { SavedMessage(route: $0.payload, over: link.index, learns: learns, at: Self.now) }
    }

    /// Sends saved messages again. What the kernel, or somebody's network manager, has put back already counts as put back.
    ///
    /// - Returns: What couldn't be put back.
    func putBack(_ state: [SavedMessage], on link: Link) throws(SystemCallError) -> [SystemCallError] {
        let state = state.compactMap { $0.aged(to: Self.now) }
        let sources = Set(state.filter { $0.type == RTM_NEWROUTE }.compactMap(\.ownAddress))
        let routes = state.filter { $0.type == RTM_NEWROUTE }
        let others = state.filter { $0.type != RTM_NEWROUTE }
        // No route can have a source address that may yet turn out to be somebody else's.
        let early = others.map { message in
            message.ownAddress.map(sources.contains) ?? false ? message.withoutDetection ?? message : message
        }
        var failures = try sendInPieces(early, link).compactMap(\.error).filter { $0.code != EEXIST }
        var waiting = routes
        var problems: [(message: SavedMessage, error: SystemCallError)] = []
        // A gateway may only be reached by another route.
        repeat {
            let count = waiting.count
            problems = try send(waiting, link).compactMap { answer in answer.error.map { (answer.message, $0) } }
            waiting = problems.filter { $0.error.code != EEXIST }.map(\.message)
            if waiting.count == count { break }
        } while !waiting.isEmpty
        problems += try append(routes, besides: waiting, link)
        // One that leads over both ports comes back with the second.
        failures += problems.filter { $0.error.code != EEXIST && !isWaiting($0.message, besides: link) }.map(\.error)
        // The address is what it was again: one that is looked after.
        let late = zip(others, early).filter { $0.0 != $0.1 }.map(\.0)
        return try failures + send(late, link, flags: NLM_F_REPLACE).compactMap(\.error)
    }

    /// Addresses from which on they are sent in pieces.
    private static let manyMessages = 128
    /// Runs of the kernel's work on groups that are waited for (it needs two by default, see `mld_qrv`), and microseconds for each:
    /// the kernel begins one two jiffies after the last address came.
    private static let (groupRuns, groupPause): (Int, UInt32) = (3, 30_000)

    /// Sends addresses so that the kernel is done with the groups of those that went, before most of them come back.
    ///
    /// It keeps each multicast group that it has left until it has told the network so, and searches all of these for each address that
    /// comes (net/ipv6/mcast.c, mld_del_delrec). Addresses that come one after the other without a pause put off the telling: 2,000
    /// of them take 6 to 8 s of processor time, and 1.4 s with these pauses.
    private func sendInPieces(
        _ messages: [SavedMessage], _ link: Link
    ) throws(SystemCallError) -> [(message: SavedMessage, error: SystemCallError?)] {
        guard messages.count >= Self.manyMessages else { return try send(messages, link) }
        var answers: [(message: SavedMessage, error: SystemCallError?)] = []
        for message in messages.prefix(Self.groupRuns) {
            usleep(Self.groupPause)
            answers += try send([message], link)
        }
        usleep(Self.groupPause)
        return try answers + send(Array(messages.dropFirst(Self.groupRuns)), link)
    }

    /// Adds routes that another interface has too, of which the kernel says that they are there.
    private func append(
        _ routes: [SavedMessage], besides waiting: [SavedMessage], _ link: Link
    ) throws(SystemCallError) -> [(message: SavedMessage, error: SystemCallError)] {
        guard !routes.isEmpty else { return [] }
        let there = Set(try self.routes(over: link).map(\.routeKey))
        let missing = routes.filter { !there.contains($0.routeKey) && !waiting.contains($0) }
        return try send(missing, link, flags: NLM_F_CREATE | NLM_F_APPEND).compactMap { answer in answer.error.map { (answer.message, $0) }
        }
    }

    private func isWaiting(_ route: SavedMessage, besides link: Link) -> Bool {
        route.interfaces.contains { $0 != link.index && IPv6Switch(index: $0).isDisabled == true }
    }

    private func send(
        _ messages: [SavedMessage], _ link: Link, flags: Int32 = NLM_F_CREATE | NLM_F_EXCL
    ) throws(SystemCallError) -> [(message: SavedMessage, error: SystemCallError?)] {
        let answers = try requests(
            messages.map { (NetlinkMessage(type: $0.type, payload: $0.payload), "put the \($0.title) of \(link.name) back") }, flags: flags)
        return Array(zip(messages, answers).map { (message: $0, error: $1) })
    }
}
