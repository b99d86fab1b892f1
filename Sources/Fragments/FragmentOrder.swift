import Wire

/// The fragments of a datagram by their offsets: a treap (Seidel and Aragon, Randomized Search Trees, 1996) beside the list in which they
/// are walked. No order of arrival makes the search for a fragment's place long, as a list's would be (CVE-2018-5391).
///
/// Invariant: of the blocks below a record, those by `lower` have lower offsets and those by `higher` higher ones, and none of them a
/// priority above its own.
extension FragmentGatherer {
    /// The last fragment that does not begin after `offset`, and the one after it.
    func place(of offset: Int32, in datagram: Datagram) -> FragmentPlace {
        var place = FragmentPlace(previous: BlockArena.none, next: BlockArena.none)
        guard datagram.highest != BlockArena.none else { return place }
        // Where nearly all belong.
        if arena.record(at: datagram.highest).offset <= offset {
            place.previous = datagram.highest
            return place
        }
        var block = datagram.root
        while block != BlockArena.none {
            let record = arena.record(at: block)
            if record.offset <= offset {
                place.previous = block
                block = record.higher
            } else {
                place.next = block
                block = record.lower
            }
        }
        return place
    }

    /// Chance, from a key that nobody outside knows.
    private func priority(of block: Int32) -> UInt32 {
        let product = (UInt64(UInt32(truncatingIfNeeded: block)) ^ orderKey) &* 0x9e37_79b9_7f4a_7c15
        return UInt32(truncatingIfNeeded: product >> 32)
    }

    /// Puts a block into its datagram's tree.
    mutating func addToTree(_ block: Int32, in index: Int32) {
        let offset = arena.record(at: block).offset
        let priority = priority(of: block)
        var parent = BlockArena.none
        var isLower = false
        var below = datagrams[index].root
        while below != BlockArena.none, self.priority(of: below) >= priority {
            let record = arena.record(at: below)
            parent = below
            isLower = offset < record.offset
            below = isLower ? record.lower : record.higher
        }
        if parent == BlockArena.none {
            datagrams[index].root = block
        } else {
            setChild(of: parent, isLower, block)
        }
        split(below, at: offset, under: block)
    }

    /// Hangs what is below `offset` to one side of a block, and what is above to the other.
    private func split(_ tree: Int32, at offset: Int32, under block: Int32) {
        setChild(of: block, true, BlockArena.none)
        setChild(of: block, false, BlockArena.none)
        var (lowEnd, highEnd) = (block, block)
        var rest = tree
        while rest != BlockArena.none {
            let record = arena.record(at: rest)
            if record.offset < offset {
                setChild(of: lowEnd, lowEnd == block, rest)
                lowEnd = rest
                rest = record.higher
            } else {
                setChild(of: highEnd, highEnd != block, rest)
                highEnd = rest
                rest = record.lower
            }
        }
        if lowEnd != block { setChild(of: lowEnd, false, BlockArena.none) }
        if highEnd != block { setChild(of: highEnd, true, BlockArena.none) }
    }

    private func setChild(of block: Int32, _ isLower: Bool, _ child: Int32) {
        arena.update(block) { record in
            if isLower { record.lower = child } else { record.higher = child }
        }
    }

    /// Makes the tree again, when other blocks have taken the place of those in it.
    mutating func rebuildTree(in index: Int32) {
        datagrams[index].root = BlockArena.none
        var block = datagrams[index].lowest
        while block != BlockArena.none {
            addToTree(block, in: index)
            block = arena.record(at: block).nextByOffset
        }
    }
}
