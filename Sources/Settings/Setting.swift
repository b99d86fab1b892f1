public import Ruleset

/// A setting as a file has it.
public struct Setting: Sendable, Equatable {
    public var known: KnownSetting
    /// The option's values, one for each time that it is given; none for an option without a value.
    public var values: [String]
    /// An option without a value is off.
    public var isOff = false
    public var location: SourceLocation

    /// The same on the command line. A value that begins with a dash stays a value.
    public var arguments: [String] {
        if known.value == .boolean { return [isOff ? "--no-\(known.name)" : "--\(known.name)"] }
        return values.map { "--\(known.name)=\($0)" }
    }
}
