import Storage

/// What is known of a frame beside its bytes and headers, for all that rules ask while it is judged.
struct FrameContext: BitwiseCopyable {
    /// Index into `Program.ports` of the port by which it came.
    var ingress: UInt8
    var instant: Instant
    /// Bytes that counters, limits and quotas of the chain count.
    var size: UInt64 = 0
}
