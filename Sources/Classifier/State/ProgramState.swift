public import Storage

/// What a program's rules have come to.
extension Program {
    /// Bytes that a quota has counted so far, what it started from included, by index into `namedQuotas`; 0 for one that there isn't.
    public func bytesUsed(ofQuota index: Int) -> UInt64 {
        namedQuotas.indices.contains(index) ? cells.value(buckets.count + namedQuotas[index].number) : 0
    }

    /// Elements that were not added to a set because it was full, by index into `changingSets`; 0 for one that there isn't.
    public func refusedElements(ofSet index: Int) -> UInt64 {
        changingSets.indices.contains(index) ? dynamicSets.refused(set: changingSets[index].number) : 0
    }

    /// Elements that a set has at this moment, by index into `changingSets`; 0 for one that there isn't. It looks at all of them.
    public func elementCount(ofSet index: Int, at instant: Instant) -> Int {
        changingSets.indices.contains(index) ? dynamicSets.count(set: changingSets[index].number, at: instant.monotonic) : 0
    }
}
