public import Decisions
import Flows
public import Fragments

extension Reason {
    /// The reason to drop a fragment that dies so.
    public init(_ death: FragmentDeath) {
        self =
            switch death {
            case .mode: .fragmentMode
            case .timeout: .fragmentTimeout
            case .overlap: .fragmentOverlap
            case .duplicate: .fragmentDuplicate
            case .endConflict: .fragmentEndConflict
            case .tooLong: .fragmentTooLong
            case .empty: .fragmentEmpty
            case .badLength: .fragmentBadLength
            case .ecn: .fragmentECN
            case .headerChain: .fragmentHeaderChain
            case .nested: .fragmentNested
            case .limitBytes: .fragmentLimitBytes
            case .limitDatagrams: .fragmentLimitDatagrams
            case .limitFragments: .fragmentLimitPerDatagram
            case .limitPair: .fragmentLimitPair
            }
    }

    /// The reason to drop what begins a connection that may not be followed.
    init(_ refusal: FlowRefusal) {
        self =
            switch refusal {
            case .limit: .flowLimit
            case .share: .flowShare
            }
    }
}
