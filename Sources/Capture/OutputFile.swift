import Glibc

/// A file that ends with a whole block whatever happens, or a stream (pipe, terminal, device).
package final class OutputFile {
    /// What becomes of a file that is there already.
    package enum Older: CaseIterable, Sendable {
        case isReplaced, isAppendedTo, isRefused
    }

    /// Bytes that a pipe takes at once when poll(2) says that it takes any (PIPE_BUF).
    private static let pipeBytes = 4096
    /// Milliseconds after which a stream whose reader doesn't read is asked again.
    private static let patience: Int32 = 100
    /// Times that it is asked when it is to end.
    private static let lastTries = 3

    package let path: String
    private let descriptor: Int32
    private let older: Older
    private let isCreated: Bool
    private var hasBegun = false
    package let isRegular: Bool
    /// It was open already: standard output, or /dev/fd/N.
    package let isInherited: Bool
    /// Where in a regular file what is written here begins.
    private let base: Int64
    /// Bytes that were written: all of a file that was opened by its name.
    package private(set) var size: UInt64 = 0
    /// Where in the file the next octet goes.
    package var position: UInt64 { UInt64(truncatingIfNeeded: base) &+ size }
    /// Nothing more can be written: a part of a block went out and its rest can't, or nobody reads.
    package private(set) var isBroken = false
    /// Why the last `write` failed, in words; nil if it didn't.
    package private(set) var problem: String?

    /// Opens a file and keeps others from writing to it; changes nothing in it before `begin`. `-` is standard output. A file that wasn't
    /// there goes again with this, if nothing was begun: a start that is refused leaves none.
    ///
    /// What is written must not get into a file of somebody else who made a link or a file under the name: see `OutputAccess`.
    package init(path: String, older: Older = .isReplaced) throws(CaptureError) {
        let access = try OutputAccess(path, older)
        descriptor = access.descriptor
        isRegular = access.isRegular
        isInherited = access.isInherited
        isCreated = access.isCreated
        self.older = older
        self.path = path
        base = fcntl(descriptor, F_GETFL) & O_APPEND != 0 ? access.size : max(0, Int64(lseek(descriptor, 0, SEEK_CUR)))
    }

    /// Empties a file that this one replaces. Call it once, before the first `write`.
    package func begin() {
        hasBegun = true
        if older == .isReplaced, isRegular, !isInherited { ftruncate(descriptor, 0) }
    }

    deinit {
        if isCreated, !hasBegun, isRegular, isInPlace { unlink(path) }
        close(descriptor)
    }

    /// A file that was deleted, or whose folder was: what is written there is lost.
    package var isDeleted: Bool {
        var status = stat()
        return isRegular && !isInherited && fstat(descriptor, &status) == 0 && status.st_nlink == 0
    }

    /// True if the name still means this file.
    package var isInPlace: Bool {
        guard !isInherited else { return true }
        var named = stat()
        var opened = stat()
        return lstat(path, &named) == 0 && fstat(descriptor, &opened) == 0 && named.st_dev == opened.st_dev && named.st_ino == opened.st_ino
    }

    /// Writes whole blocks; false if they are not there afterwards.
    /// - Parameter isGivingUp: Asked while a reader doesn't read.
    package func write(_ octets: [UInt8], isGivingUp: () -> Bool) -> Bool {
        guard !isBroken else { return false }
        hasBegun = true
        errno = 0
        var done = 0
        var isAbandoned = false
        let isWritten = octets.withUnsafeBytes { octets in
            while done < octets.count {
                let rest = octets[done...]
                let part = UnsafeRawBufferPointer(rebasing: isRegular ? rest : rest.prefix(Self.pipeBytes))
                guard isRegular || isReady(isGivingUp) else {
                    isAbandoned = true
                    return false
                }
                let count = Glibc.write(descriptor, part.baseAddress, part.count)
                if count < 0, errno == EINTR || errno == EAGAIN { continue }
                guard count > 0 else { return false }
                done += count
            }
            return true
        }
        let code = errno
        if isWritten {
            size += UInt64(octets.count)
        } else if isRegular {
            // A full disk takes the beginning of a block: back to the end of the last whole one.
            let end = base + Int64(size)
            isBroken = ftruncate(descriptor, off_t(end)) != 0 || lseek(descriptor, off_t(end), SEEK_SET) < 0
        } else {
            isBroken = done > 0 || isAbandoned || code == EPIPE
        }
        let reason = isAbandoned ? "nobody reads it" : String(cString: strerror(code))
        problem = isWritten ? nil : "\(path) can't be written: \(reason)"
        return isWritten
    }

    /// Waits until the stream takes something, or until it is not worth waiting for.
    private func isReady(_ isGivingUp: () -> Bool) -> Bool {
        var tries = 0
        while tries < Self.lastTries {
            var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            if poll(&polled, 1, Self.patience) > 0 { return true }
            if isGivingUp() { tries += 1 }
        }
        return false
    }
}
