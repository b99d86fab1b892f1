/// The time zone in which rules are written. nft turns local times into UTC when it reads them, and the kernel compares UTC.
public struct LocalTime: Sendable {
    /// Seconds that local time is ahead of UTC now. Times of day are turned by this, in summer and winter alike: that is how nft does
    /// it, and a rule that is to follow the change has to be read again.
    public var offset: Int
    /// The offset at another time, given in seconds since 1970.
    public var offsetAt: @Sendable (Int64) -> Int

    public init(offset: Int, offsetAt: @escaping @Sendable (Int64) -> Int) {
        self.offset = offset
        self.offsetAt = offsetAt
    }

    /// A time of day in UTC as this zone's clock shows it now, both in seconds.
    func timeOfDay(_ seconds: Int64) -> Int64 {
        guard seconds < TimeText.secondsOfDay else { return seconds }
        let local = (seconds + Int64(offset)) % TimeText.secondsOfDay
        return local < 0 ? local + TimeText.secondsOfDay : local
    }

    /// What has to be written for a point in time, given in seconds since 1970: the local time that is read as just that.
    func date(_ seconds: Int64) -> Int64 {
        let local = seconds + Int64(offsetAt(seconds))
        // At the border of summer time the zone at the local time may be another.
        return local - Int64(offsetAt(local)) == seconds ? local : seconds + Int64(offsetAt(local))
    }

    /// UTC itself.
    public static let utc = LocalTime(offset: 0) { _ in 0 }
}
