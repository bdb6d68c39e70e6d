import TestSupport
import Testing

@testable import StratumProtocol

/// The client's side of SOCKS5, against the bytes of RFC 1928 and 1929.
struct SOCKSHandshakeTests {
    private static let reply: [UInt8] = [5, 0, 0, 1, 10, 0, 0, 1, 0x1f, 0x90]

    /// What a client sends to a proxy that answers with these pieces, and how it ends.
    private func run(
        _ handshake: SOCKSHandshake, _ answers: [[UInt8]], chunk: Int = .max
    ) -> (sent: [[UInt8]], end: SOCKSHandshake.State) {
        var (handshake, sent) = (handshake, [handshake.greeting])
        var state = SOCKSHandshake.State.ongoing
        for answer in answers {
            for piece in answer.pieces(of: chunk) {
                var output: [UInt8] = []
                state = handshake.receive(piece.span, output: &output)
                if !output.isEmpty { sent.append(output) }
                guard state == .ongoing else { return (sent, state) }
            }
        }
        return (sent, state)
    }

    private static let user = SOCKSHandshake.Credentials(user: "me", password: "pw:@")

    @Test(arguments: [1, 3, Int.max])
    func theProxyGetsTheNameOfThePool(chunk: Int) {
        let handshake = SOCKSHandshake(host: "pool.example", port: 3333)
        let (sent, end) = run(handshake, [[5, 0], SOCKSHandshakeTests.reply], chunk: chunk)
        #expect(sent == [[5, 1, 0], [5, 1, 0, 3, 12] + Array("pool.example".utf8) + [0x0d, 0x05]])
        #expect(end == .connected(unread: []))
    }

    @Test func addressesAreSentAsAddresses() {
        let v4 = run(SOCKSHandshake(host: "192.0.2.9", port: 80), [[5, 0], SOCKSHandshakeTests.reply])
        #expect(v4.sent.last == [5, 1, 0, 1, 192, 0, 2, 9, 0, 80])
        let v6 = run(SOCKSHandshake(host: "2001:db8::7", port: 80), [[5, 0], SOCKSHandshakeTests.reply])
        let bytes: [UInt8] = [0x20, 1, 0x0d, 0xb8] + Array(repeating: 0, count: 11) + [7]
        #expect(v6.sent.last == [5, 1, 0, 4] + bytes + [0, 80])
    }

    @Test(arguments: [1, Int.max])
    func userAndPasswordAreSentWhenTheProxyWantsThem(chunk: Int) {
        let handshake = SOCKSHandshake(host: "192.0.2.9", port: 80, credentials: SOCKSHandshakeTests.user)
        let asked = run(handshake, [[5, 2], [1, 0], SOCKSHandshakeTests.reply], chunk: chunk)
        #expect(asked.sent[0] == [5, 2, 0, 2])
        #expect(asked.sent[1] == [1, 2] + Array("me".utf8) + [4] + Array("pw:@".utf8))
        #expect(asked.sent.count == 3 && asked.end == .connected(unread: []))
        let notAsked = run(handshake, [[5, 0], SOCKSHandshakeTests.reply], chunk: chunk)
        #expect(notAsked.sent.count == 2 && notAsked.end == .connected(unread: []))
    }

    @Test func whatFollowsTheReplyIsThePools() {
        let replies: [[UInt8]] = [
            SOCKSHandshakeTests.reply, [5, 0, 0, 3, 2, 0x61, 0x62, 0, 80],
            [5, 0, 0, 4] + Array(repeating: 9, count: 18),
        ]
        for reply in replies {
            let handshake = SOCKSHandshake(host: "p", port: 1)
            #expect(run(handshake, [[5, 0] + reply + [0x7b, 0x7d]]).end == .connected(unread: [0x7b, 0x7d]))
            #expect(run(handshake, [[5, 0] + reply.dropLast()]).end == .ongoing)
        }
    }

    @Test(
        arguments: [
            ([5, 0xff], "it requires a user and password"), ([5, 1], "it accepts no method of authentication"),
            ([5, 2], "it accepts no method"), ([4, 0], "it does not speak SOCKS5"),
            ([0x48, 0x54], "it does not speak"),
            ([5, 0, 5, 5, 0, 1], "it could not connect: connection refused"),
            ([5, 0, 5, 2, 0, 1], "it could not connect: not allowed by its rules"),
            ([5, 0, 5, 99, 0, 1], "it could not connect: reply 99"), ([5, 0, 4, 0, 0, 1], "it does not speak SOCKS5"),
            ([5, 0, 5, 0, 0, 7, 1], "it does not speak SOCKS5"),
        ] as [([UInt8], String)])
    func eachRefusalHasItsReason(answer: [UInt8], reason: String) {
        guard case .failed(let text) = run(SOCKSHandshake(host: "p", port: 1), [answer]).end else {
            Issue.record("not refused")
            return
        }
        #expect(text.hasPrefix(reason), "\(text)")
    }

    @Test func aWrongPasswordIsARefusal() {
        let handshake = SOCKSHandshake(host: "p", port: 1, credentials: SOCKSHandshakeTests.user)
        #expect(run(handshake, [[5, 2], [1, 1]]).end == .failed(reason: "it refused the user or password"))
        #expect(
            run(handshake, [[5, 0xff]]).end
                == .failed(reason: "it accepts no method of authentication that it was offered"))
    }

    @Test(arguments: 1...20)
    func anyBytesEndInAStateAndAreNotKept(seed: UInt64) {
        var dice = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            var handshake = SOCKSHandshake(
                host: "pool.example", port: 1, credentials: dice.number(0...1) == 0 ? SOCKSHandshakeTests.user : nil)
            for _ in 0..<8 {
                let start: [UInt8] = dice.one(of: [[], [5], [5, 0], [5, 2, 1, 0], [5, 0, 5, 0, 0]])!
                let bytes = start + (0..<dice.number(0...40)).map { _ in UInt8(dice.number(0...255)) }
                var output: [UInt8] = []
                guard handshake.receive(bytes.span, output: &output) == .ongoing else { break }
                #expect(output.count < 600)
            }
        }
    }
}
