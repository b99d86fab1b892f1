import Foundation
import Testing

extension UntimedLabTests {
    /// Hosts that find out the path's MTU by Weir's answers: ordinary links at both ends, and a smaller MTU that only Weir knows.
    @Suite("Path MTU discovery", .needsWeir)
    struct PathDiscoveryTests {
        /// A way through Weir, whose port on the far side of it takes 1,300 bytes.
        struct Path: Sendable, CustomTestStringConvertible {
            var address: String
            /// From `near` to `far`.
            var isForth: Bool
            var offloads = true
            var tag = false

            var testDescription: String {
                "to \(address)\(offloads ? "" : ", offloads off")\(tag ? ", in a VLAN" : "")"
            }
            var sender: Place { isForth ? .near : .far }
            var receiver: Place { isForth ? .far : .near }
        }

        static let paths = [
            Path(address: "10.77.0.2", isForth: true), Path(address: "fd77::2", isForth: true),
            Path(address: "10.77.0.1", isForth: false), Path(address: "fd77::1", isForth: false),
            Path(address: "10.77.0.2", isForth: true, offloads: false), Path(address: "fd77::1", isForth: false, offloads: false),
            Path(address: "10.77.0.2", isForth: true, tag: true), Path(address: "fd77::2", isForth: true, tag: true),
        ]
        private static let mtu = 1_300

        private static func lab(_ path: Path) throws -> Lab {
            let lab = try Lab()
            if path.tag {
                for (place, interface, port) in [(Place.near, "near0", "eth1"), (.far, "far0", "eth2")] {
                    try lab.require(in: place, "ip link set \(interface) mtu 1508")
                    try lab.require(in: .fw, "ip link set \(port) mtu 1508")
                    try lab.require(in: place, "python3 \(Lab.script("tags")) \(interface) 8100:5")
                }
            }
            try lab.require(in: .fw, "ip link set \(path.isForth ? "eth2" : "eth1") mtu \(mtu)")
            if !path.offloads { try lab.turnOffloadsOff() }
            return lab
        }

        /// Sends 500,000 bytes and says the MTU of the connection's path (IP_MTU, IPV6_MTU) when all has arrived, as the receiver's sum says.
        private static let stream = """
            import hashlib, socket, sys
            address = sys.argv[2]
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            if sys.argv[1] == "serve":
                listener = socket.socket(family)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((address, 5000))
                listener.listen()
                peer, _ = listener.accept()
                sum, count = hashlib.sha256(), 0
                while count < 500_000:
                    part = peer.recv(65536)
                    if not part: break
                    sum.update(part)
                    count += len(part)
                peer.sendall(sum.digest())
                peer.close()
            else:
                peer = socket.create_connection((address, 5000), timeout=15)
                data = bytes(range(250)) * 2_000
                peer.sendall(data)
                answer = b""
                while part := peer.recv(64): answer += part
                level, option = (41, 24) if family == socket.AF_INET6 else (0, 14)
                print(answer == hashlib.sha256(data).digest(), peer.getsockopt(level, option))
            """

        @Test("TCP arrives whole, at the MTU that it was told", .timeLimit(.minutes(2)), arguments: paths)
        func stream(_ path: Path) throws {
            let lab = try Self.lab(path)
            let weir = try Weir(in: lab)
            let server = try lab.start(in: path.receiver, ["/usr/bin/python3", "-c", Self.stream, "serve", path.address])
            defer { server.end() }
            #expect(try eventually(within: .seconds(10)) { try !lab.require(in: path.receiver, "ss -Hltn sport = :5000").isEmpty })
            let result = try lab.run(in: path.sender, ["/usr/bin/python3", "-c", Self.stream, "send", path.address])
            #expect(result.output == "True \(Self.mtu)\n", "\(result.output)\(result.error)")
            let counters = try weir.counters()
            counters.expectToAddUp()
            let port = try #require(counters.port(path.isForth ? "eth1" : "eth2"))
            // A sender is told once, perhaps again for what was on its way already.
            #expect((1...100).contains(port.answers) && port.tooBig >= port.answers, "\(port)")
            #expect(counters.ports.allSatisfy { $0.fragmented == 0 }, "TCP sets DF")
        }

        /// Sends a datagram of 1,400 bytes of payload that must not be fragmented, until the socket refuses it; says the MTU that it knows then,
        /// and sends one of that size, and one that is a byte longer.
        private static let datagrams = """
            import errno, socket, sys, time
            address = sys.argv[2]
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            peer = socket.socket(family, socket.SOCK_DGRAM)
            if sys.argv[1] == "serve":
                peer.bind((address, 5001))
                peer.settimeout(10)
                print("ready", flush=True)
                print(len(peer.recv(65536)), flush=True)
            else:
                level, discover, option, headers = (41, 23, 24, 48) if family == socket.AF_INET6 else (0, 10, 14, 28)
                peer.setsockopt(level, discover, 2)
                peer.connect((address, 5001))
                refusals = 0
                for _ in range(50):
                    try:
                        peer.send(bytes(1_400))
                    except OSError as error:
                        if error.errno == errno.EMSGSIZE: refusals += 1
                        if refusals == 2: break
                    time.sleep(0.05)
                mtu = peer.getsockopt(level, option)
                # A refusal leaves an error that the next call has.
                def fits(count):
                    for _ in range(4):
                        try: return peer.send(bytes(count)) == count
                        except OSError: time.sleep(0.05)
                    return False
                print(refusals, mtu, fits(mtu - headers + 1), fits(mtu - headers))
            """

        @Test("UDP with DF is told the MTU, and what fits arrives", .timeLimit(.minutes(2)), arguments: paths)
        func datagrams(_ path: Path) throws {
            let lab = try Self.lab(path)
            let weir = try Weir(in: lab)
            let server = try lab.start(in: path.receiver, ["/usr/bin/python3", "-c", Self.datagrams, "serve", path.address])
            defer { server.end() }
            #expect(eventually(within: .seconds(10)) { server.outputText.contains("ready") })
            let result = try lab.run(in: path.sender, ["/usr/bin/python3", "-c", Self.datagrams, "send", path.address])
            #expect(result.output == "2 \(Self.mtu) False True\n", "\(result.output)\(result.error)")
            let payload = Self.mtu - (path.address.contains(":") ? 48 : 28)
            #expect(eventually(within: .seconds(10)) { server.outputText == "ready\n\(payload)\n" }, "\(server.outputText)")
            let counters = try weir.counters()
            counters.expectToAddUp()
            #expect((counters.port(path.isForth ? "eth1" : "eth2")?.answers ?? 0) >= 1)
            #expect(counters.ports.allSatisfy { $0.fragmented == 0 })
        }

        /// The answers are within their rate: with none, discovery finds nothing, and the sender of datagrams is told nothing.
        @Test("without answers nobody is told", .timeLimit(.minutes(1)))
        func untold() throws {
            let path = Self.paths[0]
            let lab = try Self.lab(path)
            let weir = try Weir(in: lab, options: ["--too-big", "drop"])
            let result = try lab.run(in: path.sender, ["/usr/bin/python3", "-c", Self.datagrams, "send", path.address])
            #expect(result.output.hasPrefix("0 1500 "), "\(result.output)\(result.error)")
            #expect(try weir.counters().port("eth1")?.answers == 0)
        }

        @Test("commands on paper take the ports' MTUs", arguments: ["explain", "replay", "test"])
        func onPaper(_ command: String) throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "weir-mtu-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            func path(_ name: String) -> String { folder.appending(path: name).path }
            try Weir.passAll.write(toFile: path("r.nft"), atomically: false, encoding: .utf8)
            let packet = "eth1: ip 10.0.0.1 > 10.0.0.2 df udp 1 > 2 payload 1300"
            try "ports eth1,eth2\n\(packet) => drop reason too-big\n".write(toFile: path("c.test"), atomically: false, encoding: .utf8)
            func run(_ options: [String]) throws -> CommandResult {
                switch command {
                case "explain":
                    try Command.run([Weir.binary, "explain", "--rules", path("r.nft"), "--ports", "eth1,eth2"] + options + [packet])
                case "test": try Command.run([Weir.binary, "test"] + options + [path("r.nft"), path("c.test")])
                default:
                    try Command.run(
                        [Weir.binary, "replay", "--rules", path("r.nft"), "--ports", "eth1,eth2", "--ingress", "eth1"] + options
                            + [path("c.pcap")])
                }
            }
            if command == "replay" {
                let frame = "Ether()/IP(dst='10.0.0.2', flags='DF')/UDP(dport=9)/Raw(bytes(1300))"
                try Command.require(["/usr/bin/python3", "-c", "from scapy.all import *; wrpcap('\(path("c.pcap"))', \(frame))"])
            }
            let word = command == "test" ? "1 of 1 expectations met" : "reason=too-big"
            #expect(try run(["--mtu", "1500,1300"]).output.contains(word))
            #expect(try run(["--mtu", "1300", "--too-big", "drop"]).output.contains(word))
            for fitting in [[], ["--mtu", "1500"], ["--mtu", "1300,1500"]] {
                let result = try run(fitting)
                #expect(!result.output.contains(word) && (command == "test") == !result.isSuccess, "\(fitting): \(result.output)")
            }
            for wrong in ["67", "65536", "1500,", ",1500", "1500,1500,1500", "a", "-1"] {
                let result = try run(["--mtu=\(wrong)"])
                #expect(result.status == 64 && result.error.contains("--mtu"), "\(wrong): \(result.error)")
            }
        }
    }
}
