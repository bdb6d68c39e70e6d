import Logging
import StratumProtocol
import Testing

@testable import StratumSession
@testable import StratumWorker

/// Log lines about miners, their shares, and closed connections.
@Suite struct MinerNoticeTests {
    private let lines = Lines()

    private func makeLog(verbose: Bool = false) -> OperatorLog {
        OperatorLog(log: lines.logger(verbose ? .debug : .info), pools: ["a:1", "b:2"])
    }

    private func miner(_ number: UInt32) -> MinerID { MinerID(index: number, generation: 0) }

    private func share(_ outcome: SettledShare.Outcome, of number: UInt32 = 3) -> SettledShare {
        SettledShare(
            miner: miner(number), minerKey: 1, outcome: outcome, isExpired: false, difficulty: 10_000,
            creditedDifficulty: 10_000, actualDifficulty: 12, latencyMicroseconds: 45_900, upstream: 0, pool: 0)
    }

    /// Two miners have the same address.
    private func address(_ miner: MinerID) -> String? { "10.0.0.\(miner.index / 2)" }

    private func settle(_ count: Int, _ outcome: SettledShare.Outcome, of number: UInt32 = 3, _ news: inout OperatorLog)
    {
        for _ in 0..<count { news.settled(share(outcome, of: number), ip: address(miner(number)), pool: "a:1") }
    }

    private func pass(_ seconds: Int, _ news: inout OperatorLog) {
        for _ in 0..<seconds { news.tellSilenced(address: address) }
    }

    // MARK: - Quarantines

    @Test func quarantinesAreToldOneASecondAndTheOthersAreCounted() {
        var news = makeLog()
        func quarantine(_ numbers: Range<UInt32>) {
            for number in numbers {
                news.tell(.quarantined(miner(number), .seconds(600)), at: Instant(microseconds: 0), miner: address) {
                    _ in nil
                }
            }
        }
        quarantine(0..<5)
        pass(1, &news)
        quarantine(5..<6)
        pass(1, &news)
        let told = lines.all.filter { $0.contains("the pool rejects the shares of a miner") || $0.contains("…and") }
        #expect(told.count == 3 && told[1].contains("…and 4 more quarantines within a second"), "\(told)")
    }

    // MARK: - Refused shares

    @Test func theFirstRefusalOfAReasonIsToldAtOnce() {
        var news = makeLog()
        settle(500, .invalid(.lowDifficulty), &news)
        settle(1, .poolLost, of: 8, &news)
        news.tell(.shareUnauthenticated(miner(9)), miner: address)
        #expect(
            lines.texts(.notice) == [
                "refused a share: \"Low difficulty share\" difficulty=10000 ip=10.0.0.1",
                "refused a share: \"Bad gateway\" difficulty=10000 ip=10.0.0.4",
                "refused a share: \"Unauthenticated\" ip=10.0.0.4",
            ])
    }

    @Test(arguments: ["rack7", "räck_⛏", "w?x"])
    func aRefusalNamesTheWorkerToo(_ name: String) {
        var news = makeLog()
        news.settled(share(.invalid(.staleShare)), ip: "10.0.0.1", worker: name, pool: "a:1")
        news.settled(share(.poolLost), ip: "10.0.0.1", worker: name, pool: "a:1")
        news.tell(.shareUnauthenticated(miner(9)), miner: address, worker: { _ in name })
        #expect(lines.texts(.notice).count == 3)
        #expect(lines.texts(.notice).allSatisfy { $0.contains(" worker=\(name)") && $0.contains(" ip=10.0.0.") })
    }

    @Test func aMinuteOfRefusalsIsOneLine() {
        var news = makeLog()
        settle(300, .invalid(.lowDifficulty), of: 2, &news)
        settle(200, .invalid(.lowDifficulty), of: 3, &news)
        settle(100, .invalid(.lowDifficulty), of: 6, &news)
        settle(34, .invalid(.staleShare), of: 6, &news)
        settle(7, .accepted, &news)
        pass(59, &news)
        #expect(lines.all.count == 2)
        pass(1, &news)
        #expect(
            lines.all.last
                == "refused 634 shares in the last 60 s, accepted 7: low difficulty share 600 (mostly 10.0.0.1), "
                + "stale share 34 (10.0.0.3)")
        #expect(lines.texts(.warning).isEmpty)
        pass(600, &news)
        #expect(lines.all.count == 3)
    }

    @Test func whenNothingIsAcceptedItIsAWarning() {
        var news = makeLog()
        settle(12, .invalid(.wrongAlgorithm), &news)
        pass(60, &news)
        #expect(
            lines.texts(.warning) == [
                "refused 12 shares in the last 60 s, accepted none: incorrect algorithm 12 (10.0.0.1)"
            ])
    }

    @Test func aReasonThatGoesOnIsToldOnceAMinuteAndIsNewAfterAQuietOne() {
        var news = makeLog()
        for _ in 0..<3 {
            settle(2, .invalid(.staleShare), &news)
            pass(60, &news)
        }
        #expect(lines.all.count == 1 + 3)
        pass(120, &news)
        settle(1, .invalid(.staleShare), &news)
        #expect(lines.all.count == 5)
        #expect(lines.all.last?.hasPrefix("refused a share") == true)
        pass(60, &news)
        #expect(lines.all.count == 5)  // already logged
    }

    @Test func theTableOfAFloodIsBounded() {
        var refused = RefusedShares()
        for number in 0..<100_000 { _ = refused.count(.duplicateShare, of: miner(UInt32(number))) }
        var summary: RefusedShares.Summary?
        for _ in 0..<RefusedShares.period { summary = refused.secondPassed() ?? summary }
        #expect(summary?.refused == 100_000)
        #expect(summary?.reasons.first?.miners.count == RefusedShares.entriesMax)
    }

    @Test func minersThatAreGoneAreCountedWithoutAddress() {
        var news = makeLog()
        settle(20, .invalid(.duplicateShare), &news)
        for _ in 0..<60 { news.tellSilenced { _ in nil } }
        #expect(lines.all.last?.hasSuffix(": duplicate share 20") == true)
    }

    // MARK: - Details

    @Test func acceptedSharesAreForThoseWhoAskForDetails() {
        var news = makeLog()
        settle(1, .accepted, &news)
        #expect(lines.all.isEmpty)
        news = makeLog(verbose: true)
        settle(1, .accepted, &news)
        settle(1, .rejected, &news)
        settle(1, .local, &news)
        #expect(
            lines.all == [
                "accepted (1/0) diff 10000 10.0.0.1 45 ms pool=a:1", "accepted (2/1) diff 10000 10.0.0.1 45 ms",
            ])
        settle(30, .accepted, &news)
        #expect(lines.all.count == 10)
        pass(1, &news)
        #expect(lines.all.last == "…and 22 more accepted shares within a second")
    }

    @Test func withoutDetailsNoTextIsMadeForAnAcceptedShare() {
        var news = makeLog()
        var made = 0
        func text() -> String {
            made += 1
            return "a:1"
        }
        for _ in 0..<10 { news.settled(share(.accepted), ip: text(), pool: text()) }
        #expect(made == 0)
    }

    @Test func loginsAndDeparturesAreForThoseWhoAskForDetails() {
        let who = MinerIntroduction(address: "10.0.0.1", login: "WALLET", password: "secret", agent: "XMRig/6.26.0")
        var news = makeLog()
        news.joined(who, miners: 1)
        news.left("10.0.0.1", miners: 0)
        #expect(lines.all.isEmpty)
        news = makeLog(verbose: true)
        news.joined(who, miners: 1)
        news.left("10.0.0.1", miners: 0)
        #expect(
            lines.texts(.info) == [
                "a miner logged in agent=XMRig/6.26.0 ip=10.0.0.1 miners=1",
                "a miner disconnected ip=10.0.0.1 miners=0",
            ])
    }

    @Test func aFarmThatComesBackAtOnceIsAFewLines() {
        var news = makeLog(verbose: true)
        for number in 0..<5_000 {
            if number % 2 == 0 { news.left("10.0.0.1", miners: number) }
            news.joined(MinerIntroduction(address: "10.0.0.1", login: "W"), miners: number)
        }
        #expect(lines.all.count == 20)
        pass(1, &news)
        #expect(
            lines.texts(.info).suffix(2) == [
                "…and 4990 more logins of miners within a second",
                "…and 2490 more departures of miners within a second",
            ])
        #expect(lines.all.count == 22)
        // In the next second they are logged one by one again.
        news.left("10.0.0.1", miners: 0)
        #expect(lines.texts(.info).last == "a miner disconnected ip=10.0.0.1 miners=0")
    }

    // MARK: - Closed connections

    private func close(_ reason: CloseReason, at now: UInt64 = 5_000_000, _ news: inout OperatorLog) {
        news.closed("10.0.0.1", port: 3333, reason, at: now)
    }

    @Test func passwordGuessersCannotFillTheDisk() {
        var news = makeLog()
        for _ in 0..<1_000 { close(.permissionDenied, &news) }
        #expect(lines.all.count == 10)
        #expect(lines.all[0] == "refused a login: wrong access password ip=10.0.0.1")
        pass(1, &news)
        #expect(lines.all.last == "…and 990 more closed connections within a second")
    }

    @Test(arguments: [
        CloseReason.fault(.invalidJSON), .fault(.notARequest), .fault(.lineTooLong(limit: 16_384)),
        .answered(.badParams), .answered(.badMethod), .outOfTurn, .loginTimeout, .idleTimeout, .notNicehashCapable,
    ])
    func aClosedConnectionIsToldWithAddressAndReason(reason: CloseReason) {
        var news = makeLog()
        close(reason, &news)
        #expect(lines.texts(.info).count == 1)
        #expect(lines.all[0].hasSuffix(" ip=10.0.0.1"))
        if case .fault(let fault) = reason { #expect(lines.all[0].contains(fault.text)) }
    }

    @Test func anAttackOnTheMemoryIsAWarningOnceAMinuteAndNamesAddresses() {
        var news = makeLog()
        for number in 0..<1_000 { close(.memory(held: 16_000 + number), at: 5_000_000 + UInt64(number) * 120, &news) }
        #expect(
            lines.texts(.warning).last
                == "closed 500 connections with the largest buffers: unfinished requests and login names of all "
                + "connections exceed 64 MiB")
        #expect(lines.texts(.warning).count == 2)
        #expect(lines.texts(.info).count == 10)
        #expect(
            lines.texts(.info)[3]
                == "disconnected a miner: its buffers held 16003 bytes, the most of all connections ip=10.0.0.1")
    }

    @Test func aMinerThatDoesNotReadIsTold() {
        var news = makeLog()
        news.overflowed("10.0.0.1")
        #expect(lines.texts(.info) == ["disconnected a miner: it does not read what it is sent ip=10.0.0.1"])
    }

    @Test func whatHasALineOfItsOwnIsNotToldTwice() {
        var news = makeLog()
        close(.noUpstream, &news)
        close(.foreign(.http(isHead: false)), &news)
        #expect(lines.all.isEmpty)
    }

    @Test(arguments: [ForeignProtocol.tls, .proxyHeader])
    func aForeignProtocolIsAWarningOnceAMinute(other: ForeignProtocol) {
        var news = makeLog()
        for second in 0..<150 { close(.foreign(other), at: 5_000_000 + UInt64(second) * 1_000, &news) }
        #expect(lines.texts(.warning).count == 3)
        #expect(lines.all.count == 3)
        #expect(lines.all[0].contains("10.0.0.1") && lines.all[0].contains("3333"))
        // A clock that was set back does not suppress lines for longer.
        close(.foreign(other), at: 1_000, &news)
        #expect(lines.all.count == 4)
    }

    @Test func aHeaderFromAnUnlistedBalancerSaysWhereToListIt() {
        var news = makeLog()
        news.closed("198.51.100.7", port: 3333, .foreign(.proxyHeader), balancer: "10.0.0.1", at: 5_000_000)
        #expect(
            lines.texts(.warning) == [
                "a load balancer at 10.0.0.1 sends a PROXY protocol header, but port 3333 does not accept it from there: list "
                    + "its address in \"proxy-protocol\" of the bind, or turn it off there (HAProxy: no send-proxy; nginx: "
                    + "proxy_protocol off)"
            ])
    }

    @Test func balancersWithoutAHeaderAreCountedAndToldOnceAMinute() {
        var news = makeLog()
        for second in 0..<150 { close(.proxyHeader(.missing), at: 5_000_000 + UInt64(second) * 1_000, &news) }
        #expect(lines.all.count == 3)
        #expect(
            lines.texts(.warning)[1]
                == "closed 60 connections from balancers that \"proxy-protocol\" lists: the latest, 10.0.0.1 at port 3333, "
                + "sent no PROXY protocol header; turn it on there (HAProxy: send-proxy-v2; nginx: proxy_protocol on), or "
                + "remove the address from \"proxy-protocol\" of the bind")
        #expect(lines.texts(.warning)[0].hasPrefix("closed 1 connection from"))
    }

    @Test(arguments: [
        (ProxyHeaderFault.malformed, "sent a malformed PROXY protocol header; check its configuration"),
        (.tooLong(limit: 107), "sent a PROXY protocol header longer than 107 bytes; check its configuration"),
        (.incomplete, "sent no complete PROXY protocol header in time; turn it on there"),
    ])
    func aBadHeaderIsNamed(fault: ProxyHeaderFault, words: String) {
        var news = makeLog()
        close(.proxyHeader(fault), &news)
        #expect(lines.texts(.warning).count == 1 && lines.all[0].contains(words))
    }

    @Test func theTLSHintSaysWhatToDo() {
        var news = makeLog()
        close(.foreign(.tls), &news)
        #expect(
            lines.texts(.warning) == [
                "a miner at 10.0.0.1 uses TLS, but port 3333 is plain TCP: turn TLS on in the configuration (\"tls\"), "
                    + "or off in the miner (\"tls\": false)"
            ])
    }
}
