import Foundation
import Testing

/// The floors of the rooms with many files: a file may name types of its own floor and of those that its floor stands on. A folder is
/// no wall to the compiler; this test is.
@Suite("floors")
struct FloorTests {
    /// By room and floor the floors whose types it may name, its own aside; "" is what lies in the room itself, on top of all floors.
    private static let rooms: [String: [String: Set<String>]] = [
        "Ruleset": [
            "Text": [],
            "Selectors": ["Text"],
            "Model": ["Text", "Selectors", "Statements"],
            "Parsing": ["Text", "Selectors", "Model", "Statements"],
            // A file a construct, with all that there is to it: the floors name its types, and it names theirs.
            "Statements": ["Text", "Selectors", "Model", "Parsing", "Checking", "Listing"],
            "Canonical": ["Selectors", "Model", "Statements"],
            "Checking": ["Text", "Selectors", "Model", "Parsing", "Statements", "Canonical"],
            "Listing": ["Text", "Selectors", "Model", "Statements", "Canonical"],
            "JSON": ["Text"],
            "Warnings": ["Text", "Selectors", "Model", "Checking", "Listing"],
            "": ["Text", "Selectors", "Model", "Parsing", "Statements", "Canonical", "Checking", "Listing", "JSON", "Warnings"],
        ],
        "Classifier": [
            // A program is made of tables and state, and says how they are read; it is made by compiling.
            "Program": ["Tables", "State", "Compile"],
            "Tables": ["Program"],
            "State": ["Program"],
            "Compile": ["Program", "Tables", "State"],
            "Run": ["Program", "Tables", "State"],
        ],
        "Offline": [
            "Packets": [],
            "Replay": [],
            "Explain": ["Replay"],
            "Cases": ["Packets", "Explain"],
            "Difference": ["Packets", "Replay", "Explain"],
        ],
    ]

    @Test("each floor names what it may name", arguments: rooms.keys.sorted())
    func names(room: String) throws {
        let floors = try #require(Self.rooms[room])
        let files = try SourceFiles(room)
        #expect(Set(files.all.map(\.floor)).isSubset(of: floors.keys))
        for file in files.all {
            let allowed = (floors[file.floor] ?? []).union([file.floor])
            let others = file.names.compactMap { name in files.floor(of: name).map { (name: name, floor: $0) } }
            let faults = others.filter { !allowed.contains($0.floor) }.map { "\($0.name) of \($0.floor)" }.sorted()
            #expect(faults.isEmpty, "\(room)/\(file.floor)/\(file.path) names \(faults.joined(separator: ", "))")
        }
    }

    @Test("each permission is one that is used", arguments: rooms.keys.sorted())
    func permissions(room: String) throws {
        let files = try SourceFiles(room)
        var used: [String: Set<String>] = [:]
        for file in files.all { used[file.floor, default: []].formUnion(file.names.compactMap(files.floor)) }
        for (floor, allowed) in try #require(Self.rooms[room]) where !floor.isEmpty {
            let unused = allowed.subtracting(used[floor] ?? [])
            #expect(unused.isEmpty, "\(room)/\(floor) need not be allowed \(unused.sorted().joined(separator: ", "))")
        }
    }
}

/// The files of a room, with the types that they declare at their top and the names of types that stand in them.
private struct SourceFiles {
    struct File {
        var path: String
        var floor: String
        var names: Set<String>
        var declared: Set<String>
    }

    var all: [File] = []
    private var floors: [String: String] = [:]

    init(_ room: String) throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources/\(room)").standardized
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path) where path.hasSuffix(".swift") {
            let text = try String(contentsOf: folder.appending(path: path), encoding: .utf8)
            // Comments and texts say names too.
            let code = text.replacing(/\/\/[^\n]*/, with: "").replacing(/"(?:\\.|[^"\\\n])*"/, with: "\"\"")
            let declaration =
                /^(?:(?:public|package|private|fileprivate|indirect|final|@\w+) )*(?:struct|enum|class|protocol|typealias|actor) (\w+)/
                .anchorsMatchLineEndings()
            let parts = path.split(separator: "/")
            all.append(
                File(
                    path: String(parts.last ?? ""), floor: parts.count > 1 ? String(parts[0]) : "",
                    names: Set(code.matches(of: /(?:^|[^.\w])([A-Z]\w+)/).map { String($0.1) }),
                    declared: Set(code.matches(of: declaration).map { String($0.1) })))
        }
        // A name that two files have says nothing of where it leads.
        for file in all {
            for name in file.declared where all.count(where: { $0.declared.contains(name) }) == 1 { floors[name] = file.floor }
        }
    }

    func floor(of name: String) -> String? { floors[name] }
}
