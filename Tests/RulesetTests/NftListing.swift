import Foundation

/// What the installed nft lists of a file that it has loaded, in a network namespace that ends with the call.
enum NftListing {
    struct Listing {
        var text: String
        var json: String
        var errors: String
    }

    /// - Parameter tables: Listed one after the other, since a listing that nft fails at ends with it. Nil for all at once.
    static func list(_ file: String, tables: [String]? = nil) throws -> Listing {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("weir-listing-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
        try Data(file.utf8).write(to: folder.appendingPathComponent("rules.nft"))
        let listing = tables.map { $0.map { "nft list table \($0)" }.joined(separator: "\n") } ?? "nft list ruleset"
        let script = """
            ip link set lo up
            nft -f \(path("rules.nft")) || exit
            nft -j list ruleset >\(path("json"))
            exec >\(path("text"))
            \(listing)
            true
            """
        for name in ["text", "json", "errors"] { try Data().write(to: folder.appendingPathComponent(name)) }
        try Data(script.utf8).write(to: folder.appendingPathComponent("script"))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["timeout", "60", "unshare", "-n", "sh", path("script")]
        process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
        process.standardError = try FileHandle(forWritingTo: folder.appendingPathComponent("errors"))
        try process.run()
        process.waitUntilExit()
        let read = { (name: String) throws in
            String(decoding: try Data(contentsOf: folder.appendingPathComponent(name)), as: UTF8.self)
        }
        return Listing(text: try read("text"), json: try read("json"), errors: try read("errors"))
    }
}

/// A JSON document in a form that can be compared: without what belongs to one kernel or one version.
func comparable(_ json: String) throws -> [NSObject] {
    let document = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
    let objects = document?["nftables"] as? [[String: [String: Any]]] ?? []
    return objects.filter { $0["metainfo"] == nil }.map { object in
        object.mapValues { value in
            withoutDynamic(value.filter { $0.key != "handle" && $0.key != "auto-merge" })
        } as NSDictionary
    }
}

/// nft 1.0.6 leaves the flag `dynamic` out of a set's JSON; 1.1 and Weir say it.
private func withoutDynamic(_ object: [String: Any]) -> [String: Any] {
    guard let flags = object["flags"] as? [String] else { return object }
    var object = object
    let others = flags.filter { $0 != "dynamic" }
    object["flags"] = others.isEmpty ? nil : others
    return object
}

/// Two objects to compare. nft 1.0.6 names the data type of a set that was written with `typeof`; 1.1 and Weir give the expression.
func comparable(_ our: NSObject, _ their: NSObject) -> (our: NSObject, their: NSObject) {
    guard let ours = our as? [String: [String: Any]], let theirs = their as? [String: [String: Any]],
        ours.values.contains(where: { $0["type"] is [String: Any] })
    else { return (our, their) }
    func untyped(_ object: [String: [String: Any]]) -> NSObject {
        object.mapValues { value in value.filter { $0.key != "type" } } as NSDictionary
    }
    return (untyped(ours), untyped(theirs))
}
