import StratumProtocol
import TestSupport
import Testing

@testable import StratumSession

/// Connections to the miners' port that are not a miner's.
struct ForeignProtocolTests {
    /// What one connection heard, and how it ended.
    struct Talk: Equatable {
        var reply = ""
        var closed: CloseReason?
    }

    private let parser = JSONParser()
    private let now = Instant(microseconds: 5)

    private func makeShard() -> Shard {
        Shard(policy: ShardPolicy(pools: [ShardHarness.pool(0)], agent: "test"), seed: 3, secretSeed: 4)
    }

    /// - Parameter interrupted: whether another process takes the shard's state over behind each chunk.
    private func talk(_ bytes: [UInt8], chunk: Int = .max, interrupted: Bool = false) throws -> Talk {
        var shard = makeShard()
        let id = shard.nextMinerID!
        _ = shard.minerConnected(from: "192.0.2.1", at: now)
        var talk = Talk()
        for piece in bytes.pieces(of: chunk) {
            shard.receive(piece.span, from: id, with: parser, at: now)
            var outbox = Outbox()
            shard.takeOutbox(replacingWith: &outbox)
            for command in outbox.commands {
                switch command {
                case .sendToMiner(id, let range): talk.reply += String(decoding: outbox.bytes[range], as: UTF8.self)
                case .closeMiner(id, let reason): talk.closed = reason
                case .dial: break
                default: Issue.record("\(command)")
                }
            }
            if interrupted { shard = try StratumSessionTests.read(written(shard)) }
        }
        #expect(shard.minersNow == 0)
        #expect(talk.closed == nil || shard.connections == 0)
        return talk
    }

    private static let page =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 24\r\nConnection: close\r\n\r\n"

    static let openings: [(String, ForeignProtocol)] = [
        ("GET /status HTTP/1.1\r\nHost: a\r\n\r\n", .http(isHead: false)),
        ("HEAD / HTTP/1.0\r\n\r\n", .http(isHead: true)),
        ("POST /login HTTP/1.1\r\nContent-Length: 9\r\n\r\n{\"id\":1}\n", .http(isHead: false)),
        ("OPTIONS / HTTP/1.1\r\nOrigin: x\r\n\r\n", .http(isHead: false)),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\nxyz\n", .tls),
        ("\u{16}\u{3}", .tls),
        ("PROXY TCP4 192.0.2.9 192.0.2.1 4000 3333\r\n{\"id\":1,\"method\":\"login\",\"params\":{}}\n", .proxyHeader),
        ("PROXY UNKNOWN\r\n", .proxyHeader),
        ("\r\n\r\n\0\r\nQUIT\n\u{21}\u{11}\0\u{c}", .proxyHeader),
    ]

    @Test(arguments: openings, [Int.max, 1, 2, 7])
    func theyAreAnsweredOrClosedHoweverTheBytesArrive(opening: (String, ForeignProtocol), chunk: Int) throws {
        let (text, expected) = opening
        for interrupted in [false, true] {
            let talk = try talk(Array(text.utf8), chunk: chunk, interrupted: interrupted)
            #expect(talk.closed == .foreign(expected))
            switch expected {
            case .http(let isHead):
                #expect(talk.reply == ForeignProtocolTests.page + (isHead ? "" : "Millrace Stratum online\n"))
            case .tls, .proxyHeader: #expect(talk.reply.isEmpty)
            }
        }
    }

    @Test(arguments: [
        "\r\n\r\n\0\r\nQUITE\n", "\r\n", "\r\nGET / HTTP/1.1\r\n", "\u{16}\u{4}\n", "PROXIES\n", "get / http/1.1\r\n",
        "this is no request, and no protocol either\n",
    ])
    func whatOnlyBeginsLikeOneIsALine(text: String) throws {
        let whole = try talk(Array(text.utf8))
        #expect(whole == (text == "\r\n" ? Talk() : Talk(closed: .fault(.notARequest))))
        #expect(try talk(Array(text.utf8), chunk: 1) == whole)
        #expect(try talk(Array(text.utf8), chunk: 1, interrupted: true) == whole)
    }

    @Test func aRequestLineWithoutEndIsClosedAtTheLimitOfALine() throws {
        let endless = Array("GET /".utf8) + [UInt8](repeating: 0x61, count: LineFramer.minerLineBytesMax)
        let expected = Talk(closed: .fault(.lineTooLong(limit: LineFramer.minerLineBytesMax)))
        #expect(try talk(endless) == expected)
        #expect(try talk(endless, chunk: 100) == expected)
    }

    @Test func aMinerThatHasLoggedInDoesNotSpeakHTTPAnyMore() {
        let (harness, miner) = ShardHarness.withMiner()
        harness.send("GET / HTTP/1.1\r\nHost: a", from: miner)
        #expect(miner.closed == .fault(.notARequest))
        #expect(harness.peer().lines.count == 1)
        #expect(harness.violations.isEmpty)
    }

    @Test func nothingOfAProbeReachesAPool() {
        let (harness, miner) = ShardHarness.withMiner()
        let probe = harness.shard.nextMinerID!
        harness.take(.minerConnected(probe), Array("192.0.2.200".utf8))
        harness.take(.minerBytes(probe), Array("GET / HTTP/1.1\r\n".utf8))
        var outbox = Outbox()
        harness.shard.takeOutbox(replacingWith: &outbox)
        for command in outbox.commands {
            if case .sendToPool = command { Issue.record("a pool was told") }
        }
        harness.keepalive(miner)
        #expect(miner.answer == .status(2, "KEEPALIVED"))
        #expect(harness.shard.connections == 1)
    }

    @Test func anyBytesMeanTheSameHoweverTheyArrive() throws {
        var dice = SeededGenerator(seed: 11)
        let beginnings =
            ForeignProtocolTests.openings.map { Array($0.0.utf8) } + [
                Array(#"{"id":"\ud800","method":"login","params":{"login":"a"}}"#.utf8) + [0x0a],
                Array(#"{"method":"login","params":[]}    "#.utf8) + [0x0a],
            ]
        for _ in 0..<400 {
            var bytes = dice.one(of: beginnings)!
            bytes.removeLast(dice.number(0...(bytes.count - 1)))
            for _ in 0..<dice.number(0...40) { bytes.append(UInt8(dice.number(0...255))) }
            if dice.number(0...2) == 0 { bytes[dice.number(0...(bytes.count - 1))] = UInt8(dice.number(0...255)) }
            if dice.number(0...2) == 0 { bytes += Array("\n".utf8) }
            let whole = try talk(bytes)
            #expect(try talk(bytes, chunk: 1) == whole, "\(bytes)")
            #expect(try talk(bytes, chunk: dice.number(1...9), interrupted: true) == whole, "\(bytes)")
        }
    }
}
