import CLinux
import Glibc
import PacketIO
import Testing

/// How a request's answers end: all of them, a refusal, or a dump that something changed under.
@Suite struct NetlinkAnswersTests {
    /// The number of the request.
    private static let sequence: UInt32 = 7

    private static func message(_ type: Int32, flags: Int32 = 0, sequence: UInt32 = sequence, _ payload: [UInt8] = []) -> [UInt8] {
        NetlinkMessage(type: UInt16(type), payload: payload).bytes(flags: flags, sequence: sequence)
    }

    private static func code(_ value: Int32) -> [UInt8] { withUnsafeBytes(of: value) { [UInt8]($0) } }

    private static let link = message(16, flags: NLM_F_MULTI, [1, 2, 3, 4])
    private static let changed = message(16, flags: NLM_F_MULTI | NLM_F_DUMP_INTR, [1, 2, 3, 4])
    private static let done = message(NLMSG_DONE, flags: NLM_F_MULTI, code(0))
    private static let request = message(18, [5, 6, 7, 8])

    private struct Case: CustomTestStringConvertible {
        let testDescription: String
        /// What each system call brings.
        let parts: [[UInt8]]
        var messages = 0
        var isWhole = true
        var isInterrupted = false
        var refusal: Int32?
    }

    private static let cases = [
        Case(testDescription: "an acknowledgement", parts: [message(NLMSG_ERROR, code(0) + request)]),
        Case(testDescription: "a refusal", parts: [message(NLMSG_ERROR, code(-EBUSY) + request)], refusal: EBUSY),
        Case(testDescription: "a dump in two parts", parts: [link + link, link + done], messages: 3),
        Case(testDescription: "an empty dump", parts: [done]),
        Case(testDescription: "a dump without its end", parts: [link], messages: 1, isWhole: false),
        Case(testDescription: "a dump that changed", parts: [link, changed, link + done], messages: 3, isInterrupted: true),
        Case(
            testDescription: "a dump that changed at its end",
            parts: [link + message(NLMSG_DONE, flags: NLM_F_MULTI | NLM_F_DUMP_INTR, code(0))], messages: 1, isInterrupted: true),
        Case(
            testDescription: "a dump that failed half way",
            parts: [link + message(NLMSG_DONE, flags: NLM_F_MULTI, code(-ENOMEM))], messages: 1, refusal: ENOMEM),
        Case(
            testDescription: "answers to an earlier request",
            parts: [message(NLMSG_DONE, flags: NLM_F_DUMP_INTR, sequence: 6, code(-EPERM)) + link + done], messages: 1),
        Case(testDescription: "a message cut off", parts: [Array(link.dropLast(1))], isWhole: false),
    ]

    @Test("all of a dump, a refusal, or a dump to ask for again", arguments: cases)
    private func ends(_ row: Case) throws {
        var answers = NetlinkAnswers(to: Self.sequence, "list")
        var isWhole = false
        do throws(SystemCallError) {
            for part in row.parts where !isWhole { isWhole = try answers.take(part[...]) }
            #expect(row.refusal == nil)
        } catch {
            #expect(error.code == row.refusal)
        }
        #expect(answers.messages.count == row.messages && isWhole == (row.isWhole && row.refusal == nil))
        #expect(answers.isInterrupted == row.isInterrupted)
    }
}
