import ArgumentParser
import Glibc

/// Refuses files that two would write, and outputs that are inputs too: opening an output may empty it.
/// - Parameters:
///   - written: `-` is standard output.
///   - read: `-` is standard input.
func expectDifferent(_ written: [String], read: [String]) throws {
    if let repeated = written.indices.first(where: { index in written[..<index].contains { isSame($0, written[index]) } }) {
        throw ValidationError("\(written[repeated]) would be written by two outputs; name different files")
    }
    let inputs = read.filter { $0 != "-" }
    if let file = written.first(where: { file in file != "-" && inputs.contains { isSame($0, file) } }) {
        throw ValidationError("\(file) would be both read and written; name different files")
    }
}

/// Refuses `-` where more than one would read it.
func expectOneStandardInput(_ read: [String]) throws {
    guard read.filter({ $0 == "-" }).count > 1 else { return }
    throw ValidationError("standard input can be read only once; - is given for more than one file")
}

/// True if two names are of one file, by links too.
private func isSame(_ name: String, _ other: String) -> Bool {
    if name == other { return true }
    var (status, otherStatus) = (stat(), stat())
    guard name != "-", other != "-", stat(name, &status) == 0, stat(other, &otherStatus) == 0, status.st_mode & S_IFMT == S_IFREG else {
        return false
    }
    return status.st_dev == otherStatus.st_dev && status.st_ino == otherStatus.st_ino
}
