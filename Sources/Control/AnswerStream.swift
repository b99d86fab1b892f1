/// An answer on its way: asked for the next part each time that the client has room for it. Only on the server's thread.
public protocol AnswerStream: AnyObject {
    /// Never waits, and does a bounded part of the work.
    func next() -> AnswerStep
}

/// A part of an answer.
public enum AnswerStep: Sendable {
    /// An item: JSON where that was asked for, else a text.
    case item(String)
    /// Nothing yet; ask again after that many milliseconds, or after somebody has called `ControlServer.wake`.
    case wait(Int32)
    case end
    case failed(ControlFault)
}

/// An answer of items that are there already.
public final class ReadyAnswer: AnswerStream {
    private var items: ArraySlice<String>
    private let fault: ControlFault?

    /// - Parameter fault: How it ends after the items; nil for the ordinary end.
    public init(_ items: [String], _ fault: ControlFault? = nil) {
        self.items = items[...]
        self.fault = fault
    }

    public func next() -> AnswerStep {
        if let item = items.popFirst() { return .item(item) }
        return fault.map { .failed($0) } ?? .end
    }
}

/// An answer whose items are made one by one as the client takes them.
public final class MappedAnswer<Element>: AnswerStream {
    private var elements: ArraySlice<Element>
    private let item: (Element) -> String

    public init(_ elements: [Element], _ item: @escaping (Element) -> String) {
        self.elements = elements[...]
        self.item = item
    }

    public func next() -> AnswerStep { elements.popFirst().map { .item(item($0)) } ?? .end }
}

/// Who answers. Only on the server's thread.
public protocol ControlAnswering: AnyObject {
    /// The peer may ask for this.
    func answer(_ call: ControlCall) -> any AnswerStream
    /// What Prometheus reads.
    func metrics() -> String
    /// Once a second.
    func tick()
}
