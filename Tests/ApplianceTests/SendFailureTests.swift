import Appliance
import Glibc
import Testing

@Suite struct SendFailureTests {
    private static let names: [(code: Int32, name: String)] = [
        (ENETDOWN, "port-down"), (ENXIO, "port-gone"), (ENODEV, "port-gone"), (ENOBUFS, "queue-full"), (EAGAIN, "buffer-full"),
        (EMSGSIZE, "too-long"), (ENOMEM, "unsegmentable"), (EINVAL, "offload-refused"), (EPERM, "not-permitted"),
        (EACCES, "not-permitted"), (EIO, "unknown-EIO"), (0, "unknown-errno-0"), (133, "unknown-errno-133"),
    ]

    @Test("an error number has a name of its own, and a sentence with what to do", arguments: names)
    func name(_ test: (code: Int32, name: String)) {
        let failure = SendFailure(code: Int(test.code))
        #expect(failure.name == test.name)
        let advice = failure.advice("eth2")
        #expect(advice.count > 20 && !advice.contains("errno"), "\(advice)")
    }
}
