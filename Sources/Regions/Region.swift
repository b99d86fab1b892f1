import Ruleset

/// A part of header space in which rules come to something.
package struct Region: Sendable {
    /// What its frames are.
    package var networks: [FrameKind.Network]
    /// Protocols that follow IP, where it is IP.
    package var transports: ValueSet
    /// Conditions beside these.
    package var limits: [Variable: ValueSet]
    package var old: RegionVerdict
    package var new: RegionVerdict
    package var oldDeciders: [Decider]
    package var newDeciders: [Decider]

    static let allTransports = ValueSet(0, 255)

    /// Statements that its frames depend on, whose outcome nobody knows without the frames before.
    package var opaque: [Variable] { limits.keys.filter(\.isOpaque).sorted { $0.rank < $1.rank } }
}

/// Makes few regions of many boxes.
struct RegionMerger {
    private struct Key: Hashable {
        var networks: [FrameKind.Network]
        var transports: ValueSet
        var limits: [Variable: ValueSet]
        var old: RegionVerdict
        var new: RegionVerdict
        var oldDeciders: [Decider]
        var newDeciders: [Decider]

        init(_ region: Region) {
            (networks, transports, limits) = (region.networks, region.transports, region.limits)
            (old, new, oldDeciders, newDeciders) = (region.old, region.new, region.oldDeciders, region.newDeciders)
        }
    }

    /// Beyond that regions are left as they were found.
    private static let most = 20_000

    static func merged(_ regions: [Region]) -> [Region] {
        var regions = regions
        guard regions.count <= most else { return regions }
        var count = regions.count + 1
        // Many regions are gone through less often: one that could be joined stays as it was found.
        var passes = max(1, min(16, 2 * most / max(1, regions.count)))
        while regions.count < count, passes > 0 {
            passes -= 1
            count = regions.count
            let variables = Set(regions.flatMap(\.limits.keys)).sorted { $0.rank < $1.rank }
            for variable in variables { regions = merged(regions, by: variable) }
            regions = mergedByTransports(regions)
            regions = mergedByNetworks(regions)
        }
        return regions
    }

    /// Regions that differ in one variable only.
    private static func merged(_ regions: [Region], by variable: Variable) -> [Region] {
        var sets: [Key: ValueSet] = [:]
        var order: [(key: Key, region: Region)] = []
        for region in regions {
            guard let set = region.limits[variable] else {
                order.append((Key(region), region))
                continue
            }
            var rest = region
            rest.limits[variable] = .empty
            let key = Key(rest)
            if let known = sets[key] {
                sets[key] = known.union(set)
            } else {
                sets[key] = set
                order.append((key, region))
            }
        }
        return order.map { entry in
            guard let set = sets[entry.key] else { return entry.region }
            var region = entry.region
            let isAll = region.networks.allSatisfy { network in
                FrameKind(network: network, transports: region.transports).domain(of: variable).isSubset(of: set)
            }
            region.limits[variable] = isAll ? nil : set
            return region
        }
    }

    private static func mergedByTransports(_ regions: [Region]) -> [Region] {
        var found: [Key: Int] = [:]
        var merged: [Region] = []
        for region in regions {
            var rest = region
            rest.transports = .empty
            let key = Key(rest)
            // What a header has beyond its ports is another thing in each protocol.
            let isOfOne = region.limits.keys.contains { variable in
                guard case .bits(.transport, let from, let count) = variable else { return false }
                return from + count > 32
            }
            if let index = found[key], !isOfOne {
                merged[index].transports = merged[index].transports.union(region.transports)
            } else {
                found[key] = merged.count
                merged.append(region)
            }
        }
        return merged
    }

    private static func mergedByNetworks(_ regions: [Region]) -> [Region] {
        var found: [Key: Int] = [:]
        var merged: [Region] = []
        for region in regions {
            var rest = region
            rest.networks = []
            if !region.isIP || region.transports == Region.allTransports { rest.transports = Region.allTransports }
            let key = Key(rest)
            let isOfOne = region.limits.keys.contains { variable in
                switch variable {
                case .bits(.network, _, _), .type, .frameLength, .field: true
                default: false
                }
            }
            if let index = found[key], !isOfOne {
                merged[index].networks = Array(Set(merged[index].networks + region.networks)).sorted { $0.rawValue < $1.rawValue }
                if region.isIP { merged[index].transports = region.transports }
            } else {
                found[key] = merged.count
                merged.append(region)
            }
        }
        return merged
    }
}

extension Region {
    package var isIP: Bool { networks.contains { $0 == .ipv4 || $0 == .ipv6 } }
}
