import FoundationEssentials

/// What one request asks for. A command is a type: its properties are the members of `with`.
public protocol ControlRequest: Codable, Sendable, Equatable {
    associatedtype CodingKeys: CodingKey & CaseIterable

    /// The word in `command`.
    static var command: String { get }

    /// True if it changes something: then only root and the user of the process may ask for it.
    var changes: Bool { get }
}

/// How the items of an answer are written.
public enum ControlForm: String, Codable, Sendable, CaseIterable {
    /// `item` has an object.
    case json
    /// `text` has a text for people.
    case text
}

/// One line from a client: `{"version":1,"command":"status","id":"a","as":"json","with":{}}`. All but version and command may be left out.
public struct ControlCall: Sendable {
    /// The only version of the protocol so far.
    public static let version = 1
    /// Maximum characters of an id.
    public static let longestID = 64

    /// Repeated in each line of the answer.
    public var id: String?
    public var form: ControlForm
    public var request: any ControlRequest
    /// Who asks; nil at the client.
    public var peer: PeerCredentials?

    public init(_ request: any ControlRequest, form: ControlForm = .json, id: String? = nil) {
        self.request = request
        self.form = form
        self.id = id
    }

    /// Reads a line, which is hostile until it was read.
    public init(line: some Collection<UInt8>) throws(ControlFault) {
        let envelope: Envelope
        do {
            envelope = try JSONDecoder().decode(Envelope.self, from: Data(line))
        } catch {
            throw ControlFault(.malformed, Self.reason(error))
        }
        let id = envelope.id
        if let id, id.isEmpty || id.count > Self.longestID || !id.utf8.allSatisfy(Self.isInID) {
            throw ControlFault(.malformed, "id takes 1 to \(Self.longestID) letters, digits, dots, hyphens and underscores")
        }
        guard envelope.version == Self.version else {
            throw ControlFault(.version, "version \(envelope.version) is not spoken here; version \(Self.version) is", id: id)
        }
        guard let type = ControlCommands.all.first(where: { $0.command == envelope.command }) else {
            throw ControlFault(.unknown, "there is no command of that name", id: id)
        }
        do {
            request = try Self.read(type, line)
        } catch {
            throw ControlFault(.malformed, Self.reason(error), id: id)
        }
        self.id = id
        form = envelope.as ?? .json
    }

    /// As a client sends it, with its line feed.
    public var line: String {
        get throws(ControlFault) {
            do {
                return try Self.line(request, form, id)
            } catch {
                throw ControlFault(.malformed, Self.reason(error))
            }
        }
    }

    private static func line<Request: ControlRequest>(_ request: Request, _ form: ControlForm, _ id: String?) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let whole = Whole(version: version, command: Request.command, id: id, as: form, with: request)
        return String(decoding: try encoder.encode(whole), as: UTF8.self) + "\n"
    }

    private static func read<Request: ControlRequest>(_ type: Request.Type, _ line: some Collection<UInt8>) throws -> Request {
        let known = Set(Request.CodingKeys.allCases.map(\.stringValue))
        let data = Data(line)
        if let unknown = try JSONDecoder().decode(Members.self, from: data).with.first(where: { !known.contains($0) }) {
            throw UnknownMember(name: unknown)
        }
        return try JSONDecoder().decode(Arguments<Request>.self, from: data).with
    }

    private static func isInID(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// In our words: those of the decoder name Swift types.
    private static func reason(_ error: any Error) -> String {
        func place(_ path: [any CodingKey]) -> String {
            path.isEmpty ? "the line" : path.map { JSONText.shown($0.stringValue) }.joined(separator: ".")
        }
        switch error {
        case let unknown as UnknownMember: return "with has a member that the command does not know: \(JSONText.shown(unknown.name))"
        case DecodingError.keyNotFound(let key, _): return "\(JSONText.shown(key.stringValue)) is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            return "\(place(context.codingPath)) has another type"
        case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty:
            return "\(place(context.codingPath)) has a value that is not possible there"
        default: return "the line is not an object of JSON"
        }
    }

    private struct UnknownMember: Error { var name: String }

    private struct Envelope: Decodable {
        var version: Int
        var command: String
        var id: String?
        var `as`: ControlForm?
        private var with: NoMembers?
        private struct NoMembers: Decodable {}

        private enum CodingKeys: String, CodingKey, CaseIterable { case version, command, id, `as`, with }

        init(from decoder: any Decoder) throws {
            let known = Set(CodingKeys.allCases.map(\.stringValue))
            let all = try decoder.container(keyedBy: AnyKey.self).allKeys
            if let unknown = all.first(where: { !known.contains($0.stringValue) }) {
                throw DecodingError.dataCorrupted(DecodingError.Context(codingPath: [unknown], debugDescription: ""))
            }
            let container = try decoder.container(keyedBy: CodingKeys.self)
            version = try container.decode(Int.self, forKey: .version)
            command = try container.decode(String.self, forKey: .command)
            id = try container.decodeIfPresent(String.self, forKey: .id)
            `as` = try container.decodeIfPresent(ControlForm.self, forKey: .as)
            with = try container.decodeIfPresent(NoMembers.self, forKey: .with)
        }
    }

    private struct Members: Decodable {
        var with: [String]
        private enum CodingKeys: CodingKey { case with }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            with = []
            guard container.contains(.with) else { return }
            with = try container.nestedContainer(keyedBy: AnyKey.self, forKey: .with).allKeys.map(\.stringValue)
        }
    }

    private struct Arguments<Request: ControlRequest>: Decodable {
        var with: Request
        private enum CodingKeys: CodingKey { case with }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            with =
                container.contains(.with)
                ? try container.decode(Request.self, forKey: .with) : try JSONDecoder().decode(Request.self, from: Data("{}".utf8))
        }
    }

    private struct Whole<Request: ControlRequest>: Encodable {
        var version: Int
        var command: String
        var id: String?
        var `as`: ControlForm
        var with: Request
    }

    private struct AnyKey: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
