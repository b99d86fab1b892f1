public import Capture
import Glibc
public import Ruleset

extension CaptureOrigin {
    /// What a capture of this run says of itself.
    /// - Parameters:
    ///   - sources: The rule files, which are named with their hashes as sha256sum(1) gives them.
    ///   - version: The program's version.
    public static func ofThisRun(ports: [String], sources: [SourceFile], version: String) -> CaptureOrigin {
        var origin = CaptureOrigin()
        origin.ports = ports
        origin.application = "weir \(version)"
        origin.comments = sources.prefix(100).map { "rules \($0.name) sha256 \(SHA256.hexadecimal(of: $0.text.utf8))" }
        var names = utsname()
        if uname(&names) == 0 {
            func text(_ field: UnsafeRawBufferPointer) -> String { String(decoding: field.prefix { $0 != 0 }, as: UTF8.self) }
            origin.hardware = withUnsafeBytes(of: &names.machine, text)
            origin.operatingSystem = withUnsafeBytes(of: &names.sysname, text) + " " + withUnsafeBytes(of: &names.release, text)
        }
        return origin
    }
}
