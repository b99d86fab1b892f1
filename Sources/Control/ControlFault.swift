/// Why a request was not met.
public struct ControlFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// For programs; the raw value is the word in `code`.
    public enum Code: String, Sendable, CaseIterable {
        /// The line can't be read as a request.
        case malformed
        /// Another version of the protocol.
        case version
        /// There is no such command.
        case unknown
        /// The peer may not ask for this.
        case denied
        /// A limit of the server is reached.
        case busy
        /// It was tried and can't be done.
        case refused
    }

    public var code: Code
    /// For people, one sentence.
    public var message: String
    /// Of the request, where that could be read.
    public var id: String?

    public init(_ code: Code, _ message: String, id: String? = nil) {
        self.code = code
        self.message = message
        self.id = id
    }

    public var description: String { message }
}
