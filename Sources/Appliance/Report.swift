import Classifier
struct Report {
    init(_ configuration: Configuration, _ crew: Crew) {
       t = (0..<2).map { p in "\(configuration.ports[p]) rx \(crew.portCounters.reduce(0) { $0 + $1[p].receivedFrames.now }) tx \(crew.portCounters.reduce(0) { $0 + $1[p].sentFrames.now }) big \(crew.portCounters.reduce(0) { $0 + $1[p].tooBig.now }) trunc \(crew.portCounters.reduce(0) { $0 + $1[p].truncated.now }) drops \(crew.kernelDrops[p]) fail \((0..<134).map { c in crew.portCounters.reduce(0) { $0 + $1[p].failures(c) } }.enumerated().filter { $0.element > 0 })" }.joined(separator: "\n") + "\n"
    }
    var t: String
    func text(json: Bool) -> String { t }
}
