import Ruleset

/// Any text is refused with diagnostics that can be shown, or it is a rule set that prints as text which reads back as the same.
@c(LLVMFuzzerTestOneInput)
public func fuzzRules(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let text = String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    do throws(RejectedRuleset) {
        let ruleset = try Ruleset.read(SourceFile(name: "f", text: text)).ruleset
        let printed = ruleset.printed()
        _ = ruleset.json(version: "1")
        let again: Ruleset
        do throws(RejectedRuleset) {
            again = try Ruleset.read(SourceFile(name: "printed", text: printed)).ruleset
        } catch {
            report("refused as printed:\n\(printed)\n\(error.render())")
        }
        if again.printed() != printed { report("printed as\n\(printed)\nand again as\n\(again.printed())") }
    } catch {
        if error.render().isEmpty { report("refused without a word") }
    }
    return 0
}

/// Ends the run: libFuzzer keeps the input.
func report(_ finding: String) -> Never {
    fatalError(finding)
}
