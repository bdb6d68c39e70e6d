import StratumProtocol
import TLSRecords
import TestSupport
import Testing

@testable import StratumSession

/// Miners and pools with TLS, seen from the shard.
struct TLSSessionTests {
    @Test(arguments: [1, 2, 21, 22, 500, Int.max])
    func sharesGoThroughTLSOnBothSidesHoweverTheNetworkCuts(chunk: Int) {
        let harness = ShardHarness(chunk: chunk, tls: true)
        let miners = (0..<3).map { _ in harness.join() }
        for _ in 0..<5 {
            for miner in miners { harness.submit(miner) }
            harness.newJob()
        }
        #expect(harness.settled.map(\.outcome) == Array(repeating: .accepted, count: 15))
        #expect(harness.violations == [])
        for miner in miners {
            let (tls, mark) = (harness.shard.tls(of: miner.id), harness.shard.mark(of: miner.id))
            #expect(tls?.version == "TLSv1.3")
            #expect(mark == miner.tls?.markOfReceived)
        }
    }

    @Test func eachMessageIsARecordOfItsOwn() {
        let harness = ShardHarness(tls: true)
        let miner = harness.join()
        harness.newJob()
        harness.newJob()
        #expect(miner.heard.count == 3)
        #expect(miner.tls?.records.count == 3)
        // The login of the pool's connection, and nothing else.
        #expect(harness.peer().tls?.records.count == 1)
    }

    @Test func theLoginThatComesWithTheHandshakeIsRead() {
        let harness = ShardHarness(tls: true)
        harness.completesHandshakes = false
        let miner = harness.connect()
        let login = #"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"farm","pass":"x"}}"# + "\n"
        miner.owed.insert(1)
        harness.complete(miner, unread: login)
        #expect(miner.heard == [.loggedIn(1, extensions: ["algo", "nicehash", "keepalive"])])
    }

    @Test func bytesOfAHandshakeAreNotTheShards() {
        let harness = ShardHarness(tls: true)
        harness.completesHandshakes = false
        let miner = harness.connect()
        harness.take(.minerBytes(miner.id), Array("{}\n".utf8))
        harness.perform()
        #expect(miner.isConnected)
        #expect(!harness.canContinue(miner))
        harness.pass(.seconds(19))
        #expect(miner.isConnected)
        harness.pass(.seconds(2))
        #expect(miner.closed == .tls(.handshakeTimeout))
    }

    @Test func aLoginHasItsOwnTimeBehindTheHandshake() {
        let harness = ShardHarness(tls: true)
        harness.completesHandshakes = false
        let miner = harness.connect()
        harness.pass(.seconds(15))
        harness.complete(miner)
        harness.pass(.seconds(8))
        #expect(miner.isConnected)
        harness.pass(.seconds(3))
        #expect(miner.closed == .loginTimeout)
        #expect(miner.tls?.end == .closeNotify)
    }

    // MARK: - Terms

    private func closed(_ bytes: [UInt8], on terms: ConnectionTerms, chunk: Int = .max) -> (CloseReason?, String) {
        let harness = ShardHarness(chunk: chunk)
        let id = harness.shard.nextMinerID!
        let miner = Miner(number: 0, id: id)
        harness.minerOf[id] = miner
        harness.take(.minerConnected(id, terms), Array("192.0.2.1".utf8))
        for piece in bytes.pieces(of: chunk) { harness.take(.minerBytes(id), piece) }
        var outbox = Outbox()
        harness.shard.takeOutbox(replacingWith: &outbox)
        var reply: [UInt8] = []
        for command in outbox.commands {
            switch command {
            case .closeMiner(_, let reason): return (reason, String(decoding: reply, as: UTF8.self))
            case .sendToMiner(_, let range): reply += outbox.bytes[range]
            case .beginHandshake(_, let range): return (nil, hex(Array(outbox.bytes[range])))
            default: break
            }
        }
        return (nil, String(decoding: reply, as: UTF8.self))
    }

    @Test(arguments: [1, 2, 3, Int.max])
    func aHelloIsTurnedAwayWhereThereIsNoTLS(chunk: Int) {
        #expect(closed(ShardHarness.hello, on: [], chunk: chunk).0 == .foreign(.tls))
        #expect(closed(ShardHarness.hello, on: .mayUseTLS, chunk: chunk) == (nil, chunk > 2 ? "160301" : "1603"))
    }

    @Test func anAddressThatRequiresTLSServesNothingElse() {
        let login = Array(#"{"id":1,"method":"login","params":{"login":"x","pass":"x"}}"#.utf8)
        #expect(closed(login, on: [.mayUseTLS, .requiresTLS]).0 == .tls(.required))
        #expect(closed(Array("hello\n".utf8), on: [.mayUseTLS, .requiresTLS]).0 == .tls(.required))
        // A health check of the port.
        let check = closed(Array("GET / HTTP/1.0\r\n\r\n".utf8), on: [.mayUseTLS, .requiresTLS])
        #expect(check.0 == .foreign(.http(isHead: false)) && check.1.hasPrefix("HTTP/1.1 200"))
    }

    @Test func aHelloMayFollowAPROXYHeader() {
        let header = Array("PROXY TCP4 203.0.113.9 192.0.2.1 1 2\r\n".utf8)
        let terms: ConnectionTerms = [.proxyHeader, .mayUseTLS]
        #expect(closed(header + ShardHarness.hello, on: terms) == (nil, "160301"))
        #expect(closed(header + ShardHarness.hello, on: terms, chunk: 1) == (nil, "1603"))
    }

    @Test func insideTLSEverythingIsAsWithoutIt() {
        let harness = ShardHarness(tls: true)
        let probe = harness.connect()
        harness.send("GET /health HTTP/1.1", from: probe)
        #expect(probe.closed == .foreign(.http(isHead: false)))
        // A TLS hello inside TLS is not another handshake.
        let odd = harness.connect()
        harness.take(.minerBytes(odd.id), odd.tls?.seal(ShardHarness.hello) ?? [])
        harness.perform()
        #expect(odd.closed == .foreign(.tls))
        #expect(odd.tls?.end == .closeNotify)
    }

    // MARK: - Ends

    @Test func closeNotifyEndsAConnection() {
        let harness = ShardHarness(tls: true)
        let miner = harness.join()
        harness.take(.minerBytes(miner.id), miner.tls?.seal(alert: .closeNotify) ?? [])
        harness.perform()
        #expect(miner.closed == .tls(.alert(.closeNotify)))
        #expect(miner.tls?.end == .closeNotify)
        let peer = harness.peer()
        harness.take(.poolBytes(peer.id), peer.tls?.seal(alert: .closeNotify) ?? [])
        harness.perform()
        #expect(!peer.isOpen && peer.tls?.end == .closeNotify)
    }

    @Test(arguments: [0, 5, 60])
    func aChangedRecordEndsAConnectionWithAnAlert(position: Int) {
        let harness = ShardHarness(tls: true)
        let miner = harness.join()
        var record = miner.tls?.seal(Array(repeating: 0x20, count: 50)) ?? []
        record[position] ^= 1
        harness.take(.minerBytes(miner.id), record)
        harness.perform()
        #expect(miner.closed == .tls(.fault(position == 0 ? .unexpectedRecord(type: 0x16) : .badTag)))
        #expect(miner.tls?.end == (position == 0 ? .unexpectedMessage : .badRecordMAC))
        #expect(harness.settled.isEmpty)
    }

    @Test func aPoolThatBreaksTLSFails() {
        let harness = ShardHarness(tls: true)
        let miner = harness.join()
        let peer = harness.peer()
        harness.pools[0].verdict = .withhold
        harness.submit(miner)
        harness.take(.poolBytes(peer.id), [0x15, 3, 3, 0, 2, 1, 0])
        harness.perform()
        #expect(!peer.isOpen && peer.tls?.end == .unexpectedMessage)
        #expect(harness.settled.map(\.outcome) == [.poolLost])
        harness.pass(.seconds(2))
        #expect(harness.open().count == 1)
    }

    // MARK: - State

    @Test func aStateWithoutTLSIsWrittenForProgramsWithoutTLS() throws {
        let (plain, _) = ShardHarness.withMiner()
        let secure = ShardHarness(tls: true)
        secure.join()
        let versions = [written(plain.shard), written(secure.shard)].map { UInt16($0[4]) | UInt16($0[5]) << 8 }
        #expect(versions == [2, 3])
    }

    @Test func anOldTLSIsNotContinued() {
        let harness = ShardHarness(tls: true)
        harness.completesHandshakes = false
        let miner = harness.connect()
        let description = TLSDescription(version: "TLSv1.2", cipher: "ECDHE-RSA-AES128-GCM-SHA256")
        harness.take(
            .minerSecured(miner.id), written(HandshakeResult(.outside(description), traffic: Traffic())))
        harness.login(miner)
        #expect(miner.heard.count == 1)
        let (tls, mark) = (harness.shard.tls(of: miner.id), harness.shard.mark(of: miner.id))
        #expect(tls == description && mark == nil)
        #expect(!harness.canContinue(miner))
        let state = written(harness.shard)
        state.withUnsafeBytes { bytes in
            var reader = BinaryReader(bytes)
            guard let restored = try? Shard(decoding: &reader) else { return #expect(Bool(false), "not decoded") }
            let found = restored.tls(of: miner.id)
            #expect(found == description)
        }
    }

    @Test func bytesOfAnUnfinishedRecordCountAsHeld() {
        let harness = ShardHarness(tls: true)
        let miner = harness.join()
        let held = harness.shard.heldBytes
        let record = miner.tls?.seal(Array(repeating: 0x20, count: 5_000)) ?? []
        harness.take(.minerBytes(miner.id), Array(record.dropLast()))
        #expect(harness.shard.heldBytes == held + record.count - 1)
        harness.take(.minerBytes(miner.id), Array(record.suffix(1)))
        // The line is not complete.
        #expect(harness.shard.heldBytes == held + 5_000)
        harness.leave(miner)
        #expect(harness.shard.heldBytes < held)
    }

    @Test func abandonedRecordsAreNeitherReadNorWritten() {
        let harness = ShardHarness(tls: true)
        let miner = harness.join()
        harness.shard.abandonAllRecords()
        let mark = harness.shard.mark(of: miner.id)
        #expect(mark == nil)
        let isContinued = (harness.canContinue(miner), harness.shard.canContinue(harness.peer().id))
        #expect(isContinued == (false, false))
    }

    @Test(arguments: [0, 1, 2, 300])
    func aDamagedResultOfAHandshakeIsRefused(length: Int) {
        let (state, _) = TLSPeer.pair(1, shardIs: .server)
        let whole = written(HandshakeResult(.state(state), traffic: Traffic(received: 3, sent: 0)))
        let harness = ShardHarness(tls: true)
        harness.completesHandshakes = false
        let miner = harness.connect()
        harness.take(.minerSecured(miner.id), Array(whole.prefix(min(length, whole.count - 1))))
        #expect(harness.violations.count == 1)
        #expect(!harness.canContinue(miner))
    }
}

extension ShardHarness {
    fileprivate func canContinue(_ miner: Miner) -> Bool { shard.canContinue(miner.id) }
}
