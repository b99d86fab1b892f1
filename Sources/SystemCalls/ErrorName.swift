import Glibc

/// Error numbers by the names that manual pages call them by: counters are known by them.
public enum ErrorName {
    private static let names: [Int32: String] = [
        EPERM: "EPERM", EINTR: "EINTR", EIO: "EIO", ENXIO: "ENXIO", EAGAIN: "EAGAIN", ENOMEM: "ENOMEM", EACCES: "EACCES",
        EFAULT: "EFAULT", ENODEV: "ENODEV", EINVAL: "EINVAL", EMSGSIZE: "EMSGSIZE", ENOBUFS: "ENOBUFS", ENETDOWN: "ENETDOWN",
        ENETUNREACH: "ENETUNREACH", EHOSTUNREACH: "EHOSTUNREACH", EOPNOTSUPP: "EOPNOTSUPP",
    ]

    /// `ENETDOWN` for 100, and `errno-N` for errors that no packet socket gives.
    public static func symbol(_ code: Int) -> String {
        names[Int32(truncatingIfNeeded: code)] ?? "errno-\(code)"
    }
}
