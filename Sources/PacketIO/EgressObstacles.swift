extension Link {
    /// What of other software decides on frames that leave by the interface, in words: chains of nftables, filters of tc, a qdisc
    /// with a queue. TCX programs are not among them.
    public func egressObstacles() -> [String] {
        let chains = ((try? InterfaceChain.all()) ?? []).filter { $0.side == .egress && $0.isOn(self) }
        var words = chains.map { "the chain \($0.name) of nft's table netdev \($0.table)" }
        guard let control = try? TrafficControl(self) else { return words }
        for filter in (try? control.filters(.egress)) ?? [] where !filter.isOurs {
            words.append("the tc egress filter of preference \(filter.preference) (\(filter.kind))")
        }
        if let kind = try? control.rootKind(), !["noqueue", "mq", "pfifo_fast", "fq_codel"].contains(kind) {
            words.append("the qdisc \(kind)")
        }
        return words
    }
}
