extension Link {
    /// What of other software decides on frames that leave by the interface, in words: chains of nftables, filters of tc, a qdisc
    /// with a queue. TCX programs are not among them.
    public func egressObstacles() -> [String] {
        let chains = ((try? InterfaceChain.all()) ?? []).filter { $0.side == .egress && $0.isOn(self) }
        var words = chains.map { "the chain \($0.name) of nft's table netdev \($0.table)" }
        words += egressFilters()
        guard let control = try? TrafficControl(self) else { return words }
        if let kind = try? control.rootKind(), !["noqueue", "mq", "pfifo_fast", "fq_codel"].contains(kind) {
            words.append("the qdisc \(kind)")
        }
        return words
    }

    /// Filters of tc of other software at the egress, in words.
    public func egressFilters() -> [String] {
        guard let control = try? TrafficControl(self), (try? control.hookKind()) == "clsact" else { return [] }
        return ((try? control.filters(.egress)) ?? []).filter { !$0.isOurs }
            .map { "the tc egress filter of preference \($0.preference) (\($0.kind))" }
    }
}
