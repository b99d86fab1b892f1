/// nft's address families: which frames a table sees, and what its rules take for granted.
public enum Family: String, Sendable, CaseIterable {
    /// Every frame.
    case bridge
    /// IPv4 and IPv6 packets, untagged or after a single tag.
    case inet
    /// The IPv4 packets among them.
    case ip
    /// The IPv6 packets among them.
    case ip6
    /// None: the kernel asks `arp` tables only for what the host itself sends or receives.
    case arp
    /// None: its chains belong to devices of a host. A table is read and set aside.
    case netdev

    /// Families whose rules are checked, and given to programs.
    public static let allCases: [Family] = [.bridge, .inet, .ip, .ip6, .arp]
}
