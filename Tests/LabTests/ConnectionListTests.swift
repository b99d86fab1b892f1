import Foundation
import Testing

extension UntimedLabTests {
    /// The list of connections beside that of conntrack(8), of the same connections.
    @Suite("List of connections", .needsWeir)
    struct ConnectionListTests {
        /// A connection that stays, one that is over, a question with an answer and one without, over both versions of IP.
        private static let traffic = """
            import socket, sys, time
            def family(address): return socket.AF_INET6 if ":" in address else socket.AF_INET
            if sys.argv[1] == "serve":
                import threading
                def serve(address):
                    listener = socket.create_server((address, 5000), family=family(address))
                    def answer():
                        datagrams = socket.socket(family(address), socket.SOCK_DGRAM)
                        datagrams.bind((address, 5001))
                        while True:
                            data, peer = datagrams.recvfrom(2048)
                            datagrams.sendto(data, peer)
                    threading.Thread(target=answer, daemon=True).start()
                    while True:
                        peer, _ = listener.accept()
                        def talk(peer):
                            while data := peer.recv(2048): peer.sendall(data)
                            peer.close()
                        threading.Thread(target=talk, args=(peer,), daemon=True).start()
                for address in sys.argv[2:]: threading.Thread(target=serve, args=(address,)).start()
            else:
                kept = []
                for address in sys.argv[2:]:
                    own = address[:-1] + "1"
                    for port in (4000, 4001):
                        peer = socket.create_connection((address, 5000), 5, source_address=(own, port))
                        for _ in range(5):
                            peer.sendall(b"x" * 100)
                            peer.recv(2048)
                        if port == 4000: kept.append(peer)
                        else: peer.close()
                    for port, to in ((4002, 5001), (4003, 5002)):
                        question = socket.socket(family(address), socket.SOCK_DGRAM)
                        question.bind((own, port))
                        question.sendto(b"y" * 50, (address, to))
                        if to == 5001: question.recv(2048)
                        kept.append(question)
                print("done", flush=True)
                time.sleep(60)
            """

        /// A line without what depends on the moment: the seconds that are left, and who looks at the entry.
        private static func comparable(_ line: String) -> String {
            line.trimmingCharacters(in: .whitespaces).replacing(/^(\w+ +\d+) \d+/) { "\($0.1) S" }.replacing(#/ use=\d+/#, with: "")
        }

        @Test("is that of conntrack on the host", .timeLimit(.minutes(2)))
        func compared() throws {
            let lab = try Lab()
            // The host follows its own connections, as its rules ask for them.
            let table = "table inet t { chain c { type filter hook output priority 0; ct state new counter; }; }\n"
            try lab.require(in: .near, "nft -f \(lab.write(table, to: "near.nft").path)")
            try lab.require(in: .near, "sysctl -qw net.netfilter.nf_conntrack_acct=1")
            try lab.turnOffloadsOff()
            let rules = try lab.write(Weir.chain(["ct state new,established,related accept"]), to: "rules.nft")
            let weir = try lab.start(
                in: .fw,
                [
                    Weir.binary, "run", "--ports", "\(Lab.ports.near),\(Lab.ports.far)", "--rules", rules.path, "--state-directory",
                    lab.directory.appending(path: "state").path, "--list-flows",
                ])
            try #require(eventually(within: .seconds(30)) { weir.errorText.contains("forwarding between") }, "\(weir.errorText)")
            let addresses = ["10.77.0.2", "fd77::2"]
            let server = try lab.start(in: .far, ["/usr/bin/python3", "-c", Self.traffic, "serve"] + addresses)
            defer { server.end() }
            #expect(try eventually(within: .seconds(10)) { try lab.require(in: .far, "ss -Hltn sport = :5000").lines.count == 2 })
            let client = try lab.start(in: .near, ["/usr/bin/python3", "-c", Self.traffic, "ask"] + addresses)
            defer { client.end() }
            for address in addresses { #expect(try lab.ping(address) == 3) }
            #expect(eventually(within: .seconds(15)) { client.outputText.contains("done") }, "\(client.errorText)")
            sleep(for: .milliseconds(300))

            let theirs = try ["ipv4", "ipv6"].flatMap { family in
                try lab.require(in: .near, "conntrack -L -f \(family)").lines.map(Self.comparable)
            }
            weir.signal(SIGUSR1)
            func ours() -> [String] { weir.outputText.completeLines.filter { $0.contains(" src=") }.map(Self.comparable) }
            #expect(eventually(within: .seconds(15)) { ours().count >= theirs.count })
            // Four of each version of IP, and a ping.
            #expect(theirs.count == 10, "\(theirs)")
            #expect(ours().sorted() == theirs.sorted())
        }
    }
}
