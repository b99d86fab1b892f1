import Ruleset

/// Any text is refused with diagnostics that can be shown, or it is a rule set that prints as text which reads back as the same.
@c(LLVMFuzzerTestOneInput)
public func fuzzRules(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let text = String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    do throws(RejectedRuleset) {
        let ruleset = try Ruleset.read(SourceFile(name: "f", text: text)).ruleset
        let printed = ruleset.printed()
        _ = ruleset.json(version: "1")
        // Elements that have become one keep their braces, and lose them when they are read: only then it stays as it is.
        let settled = reread(printed)
        if settled.filter({ !"{} ".contains($0) }) != printed.filter({ !"{} ".contains($0) }) || reread(settled) != settled {
            report("printed as\n\(printed)\nand again as\n\(settled)")
        }
    } catch {
        if error.render().isEmpty { report("refused without a word") }
    }
    return 0
}

private func reread(_ printed: String) -> String {
    do throws(RejectedRuleset) {
        return try Ruleset.read(SourceFile(name: "printed", text: printed)).ruleset.printed()
    } catch {
        report("refused as printed:\n\(printed)\n\(error.render())")
    }
}

/// Ends the run: libFuzzer keeps the input.
func report(_ finding: String) -> Never {
    fatalError(finding)
}
