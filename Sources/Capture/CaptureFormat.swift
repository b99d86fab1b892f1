/// How frames become the octets of a file. Whatever it returns is whole blocks: a file that ends after them can be read.
protocol CaptureFormat {
    /// What a file begins with.
    func header() -> [UInt8]

    /// What follows the header: each is a block, or none.
    func names() -> [[UInt8]]

    /// From the next header on the file says this of itself.
    mutating func describe(_ origin: CaptureOrigin)

    /// One frame, of which only the beginning is kept if the settings say so.
    func block(_ frame: UnsafeRawBufferPointer, _ record: CaptureRecord, comment: String?) -> [UInt8]

    /// A number of octets that say nothing, if the format has such; none where it hasn't.
    func filler(_ count: Int) -> [UInt8]

    /// What a file ends with, if it comes to a good end.
    func trailer(_ statistics: CaptureStatistics) -> [UInt8]
}

extension CaptureFormat {
    func names() -> [[UInt8]] { [] }
}

/// What a file holds, when it ends.
struct CaptureStatistics: Equatable {
    /// Nanoseconds since the epoch.
    var begin: UInt64
    var end: UInt64
    /// By port.
    var frames: [UInt64]
    /// Frames that should have been in the file and could not be written or were left out.
    var missing: UInt64
}
