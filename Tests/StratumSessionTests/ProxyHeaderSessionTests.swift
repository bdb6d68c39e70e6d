import StratumProtocol
import TestSupport
import Testing

@testable import StratumSession

/// Connections of a balancer that is trusted with PROXY headers.
struct ProxyHeaderSessionTests {
    private let harness = ShardHarness()
    private let v2: [UInt8] =
        [0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x21, 0x11, 0, 12] + [
            198, 51, 100, 7, 10, 0, 0, 1, 1, 2, 3, 4,
        ]
    private let login = Array(
        (#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"farm","pass":"x","agent":"a"}}"# + "\n").utf8)

    struct Talk: Equatable {
        var reply = ""
        var closed: CloseReason?
        var address: String?
        var introduced: String?
    }

    /// - Parameter interrupted: whether another process takes the shard's state over behind each chunk.
    private func talk(_ bytes: [UInt8], chunk: Int = .max, interrupted: Bool = false) throws -> Talk {
        var shard = try read(written(harness.shard))
        let parser = JSONParser()
        let now = harness.now
        let id = shard.nextMinerID!
        let balancer = Array("10.0.0.1".utf8)
        try shard.apply(.minerConnected(id, .proxyHeader), balancer.span, with: parser, at: now)
        var talk = Talk()
        var received = 0
        for piece in bytes.pieces(of: chunk) {
            received += piece.count
            try shard.apply(.minerBytes(id), piece.span, with: parser, at: now)
            var outbox = Outbox()
            shard.takeOutbox(replacingWith: &outbox)
            for command in outbox.commands {
                switch command {
                case .sendToMiner(id, let range): talk.reply += String(decoding: outbox.bytes[range], as: UTF8.self)
                case .closeMiner(id, let reason): talk.closed = reason
                default: break
                }
            }
            if talk.closed == nil { talk.address = shard.address(of: id) }
            talk.introduced = shard.introduction(of: id)?.address
            if interrupted { shard = try read(written(shard)) }
            if talk.closed == nil { #expect(shard.traffic(of: id)?.received == UInt64(received)) }
        }
        return talk
    }

    @Test(arguments: [Int.max, 1, 5, 29], [false, true])
    func theAnnouncedAddressIsTheMiners(chunk: Int, interrupted: Bool) throws {
        harness.join()
        let text = Array("PROXY TCP4 198.51.100.7 10.0.0.1 4000 3333\r\n".utf8)
        for header in [text, v2] {
            let talk = try talk(header + login, chunk: chunk, interrupted: interrupted)
            #expect(talk.closed == nil && talk.reply.contains("\"status\":\"OK\""))
            #expect(talk.address == "198.51.100.7" && talk.introduced == "198.51.100.7")
        }
    }

    @Test(arguments: ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN a b\r\n", "\r\n\r\n\0\r\nQUIT\n \0\0\0"])
    func aBalancerThatSpeaksForItselfKeepsItsAddress(header: String) throws {
        let talk = try talk(Array(header.utf8) + login, chunk: 1, interrupted: true)
        #expect(talk.closed == nil && talk.introduced == "10.0.0.1")
    }

    @Test(arguments: [
        ("{\"id\":1,\"method\":\"login\",\"params\":{}}\n", ProxyHeaderFault.missing),
        ("GET / HTTP/1.1\r\n\r\n", .missing),
        ("PROXY TCP4 1.2.3 10.0.0.1 1 2\r\n", .malformed),
        ("PROXY UNKNOWN " + String(repeating: "a", count: 200), .tooLong(limit: 107)),
        ("\r\n\r\n\0\r\nQUIT\n!\u{11}\u{7f}\0", .tooLong(limit: 4_096)),
    ])
    func aBadHeaderEndsTheConnectionWithoutAnAnswer(text: String, fault: ProxyHeaderFault) throws {
        for chunk in [Int.max, 1, 7] {
            for interrupted in [false, true] {
                let talk = try talk(Array(text.utf8), chunk: chunk, interrupted: interrupted)
                #expect(talk.closed == .proxyHeader(fault) && talk.reply.isEmpty)
            }
        }
    }

    @Test func whatIsNoMinerIsKnownBehindAHeaderToo() throws {
        let check = try talk(Array("PROXY UNKNOWN\r\nHEAD / HTTP/1.0\r\n\r\n".utf8), chunk: 1, interrupted: true)
        #expect(check.closed == .foreign(.http(isHead: true)) && check.reply.hasPrefix("HTTP/1.1 200"))
        let twice = try talk(v2 + v2, chunk: 3, interrupted: true)
        #expect(twice.closed == .foreign(.proxyHeader))
        let tls = try talk(v2 + [0x16, 3, 1])
        #expect(tls.closed == .foreign(.tls))
    }

    @Test func anUnfinishedHeaderHasTheTimeOfALogin() throws {
        for (sent, expected) in [
            (Array(v2.prefix(20)), CloseReason.proxyHeader(.incomplete)), ([], .proxyHeader(.incomplete)),
            (v2, .loginTimeout),
        ] {
            var shard = try read(written(harness.shard))
            var now = harness.now
            let id = shard.nextMinerID!
            _ = shard.minerConnected(from: "10.0.0.1", on: .proxyHeader, at: now)
            shard.receive(sent.span, from: id, with: JSONParser(), at: now)
            var reasons: [CloseReason] = []
            for _ in 0..<120 {
                now = now + Limits.tick
                shard.tick(at: now)
                var outbox = Outbox()
                shard.takeOutbox(replacingWith: &outbox)
                for case .closeMiner(id, let reason) in outbox.commands { reasons.append(reason) }
            }
            #expect(reasons == [expected])
        }
    }

    /// Two miners of one balancer are two addresses to everything that judges by address.
    @Test func recordsAreKeptByTheAnnouncedAddress() throws {
        var keys: Set<UInt64> = []
        for last in UInt8(1)...3 {
            var shard = try read(written(harness.shard))
            let id = shard.nextMinerID!
            _ = shard.minerConnected(from: "10.0.0.1", on: .proxyHeader, at: harness.now)
            let header = Array("PROXY TCP4 198.51.100.\(last) 10.0.0.1 1 2\r\n".utf8)
            shard.receive(header.span, from: id, with: JSONParser(), at: harness.now)
            keys.insert(shard.connectionStates[Int(id.index)].addressKey(salt: 5))
            var plain = try read(written(harness.shard))
            _ = plain.minerConnected(from: "198.51.100.\(last)", at: harness.now)
            #expect(keys.contains(plain.connectionStates[Int(id.index)].addressKey(salt: 5)))
        }
        #expect(keys.count == 3)
    }
}
