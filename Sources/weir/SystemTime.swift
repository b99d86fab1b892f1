import Glibc
import Ruleset

extension LocalTime {
    /// The zone of this system, or that of `TZ`.
    static var system: LocalTime {
        LocalTime(offset: offset(at: Int64(time(nil))), offsetAt: offset)
    }

    @Sendable
    private static func offset(at seconds: Int64) -> Int {
        var moment = time_t(seconds)
        var broken = tm()
        return localtime_r(&moment, &broken) == nil ? 0 : broken.tm_gmtoff
    }
}
