import ApiFixtures
import Configuration
import Control
import Synchronization
import Telemetry
import Testing

@testable import ApiDocuments
@testable import ApiGateway
@testable import HTTPServing

@Suite struct DocumentCacheTests {
    private let workshop = TestDocuments()

    private func pages(_ change: (inout GatewayLimits) -> Void = { _ in }) -> DocumentCache {
        var limits = GatewayLimits()
        change(&limits)
        return DocumentCache(serviceStartedAt: 5_000, limits: limits, documents: workshop)
    }

    private func text(_ pages: DocumentCache, _ page: Page) throws -> String {
        try String(decoding: pages.representation(page, in: .identity).whole.body.content, as: UTF8.self)
    }

    private func snapshot(_ sequence: UInt64) -> Snapshot {
        var snapshot = Snapshot()
        snapshot.sequence = sequence
        snapshot.startedAt = 5_000
        return snapshot
    }

    @Test func aBodyIsBuiltOnceForAllClients() throws {
        let pages = self.pages()
        pages.publish(snapshot(1))
        let first = try pages.representation(.workers, in: .identity)
        for _ in 0..<100 { #expect(try pages.representation(.workers, in: .identity) === first) }
        #expect(workshop.count == 1)
    }

    @Test func nothingIsBuiltThatNobodyAsksFor() {
        let pages = self.pages()
        for sequence in 1...100 { pages.publish(snapshot(UInt64(sequence))) }
        #expect(workshop.count == 0)
    }

    @Test func aNewSnapshotIsSeenAtOnce() throws {
        let pages = self.pages()
        #expect(try text(pages, .workers) == "workers #0 up 0")
        pages.publish(snapshot(1))
        #expect(try text(pages, .workers) == "workers #1 up 0")
        pages.publish(snapshot(2))
        #expect(try text(pages, .workers) == "workers #2 up 0")
    }

    @Test func theUptimeGoesOnWhenTheCollectorIsAway() throws {
        let pages = self.pages()
        pages.publish(snapshot(1))
        pages.advance(to: 8_999)
        #expect(try text(pages, .classicSummary) == "classicSummary #1 up 3")
        pages.advance(to: 9_000)
        #expect(try text(pages, .classicSummary) == "classicSummary #1 up 4")
    }

    @Test func aTableWithoutAClockIsNotBuiltAnewForTheTime() throws {
        let pages = self.pages()
        pages.publish(snapshot(1))
        let first = try pages.representation(.classicWorkers, in: .identity)
        pages.advance(to: 9_000)
        #expect(try pages.representation(.classicWorkers, in: .identity) === first)
    }

    @Test func aClockThatIsSetBackDoesNotTrap() throws {
        let pages = self.pages()
        pages.advance(to: 1)
        #expect(try text(pages, .summary) == "summary #0 up 0")
    }

    @Test func theUptimeIsThatOfAllStartsWhichTheTotalsGoBackTo() throws {
        let pages = self.pages()
        var snapshot = Snapshot()
        snapshot.time = 9_000
        snapshot.startedAt = 5_000
        snapshot.servedMilliseconds = 3_600_000
        pages.publish(snapshot)
        pages.advance(to: 9_500)
        #expect(try text(pages, .summary) == "summary #0 up 3600")
        pages.advance(to: 69_000)
        #expect(try text(pages, .summary) == "summary #0 up 3660")
        pages.advance(to: 8_000)
        #expect(try text(pages, .summary) == "summary #0 up 3600", "a clock that is set back")
    }

    @Test func aSnapshotThatDoesNotKnowTheStartTakesTheSupervisors() throws {
        let pages = self.pages()
        pages.publish(Snapshot())
        pages.advance(to: 7_000)
        #expect(try text(pages, .summary) == "summary #0 up 2")
    }

    @Test func oldBodiesThatAreStillReadHaveALimit() throws {
        let pages = self.pages { $0.bodyBytes = 40 }
        var held: [Representation] = []
        // Three bodies of 15 bytes are more than 40: whoever asks next is put off …
        for sequence in 1...3 {
            pages.publish(snapshot(UInt64(sequence)))
            held.append(try pages.representation(.workers, in: .identity))
        }
        pages.publish(snapshot(4))
        #expect(throws: HTTPError(.serviceUnavailable)) { try pages.representation(.workers, in: .identity) }
        // … until one of them has been read.
        held.removeFirst()
        #expect(try text(pages, .workers) == "workers #4 up 0")
    }

    @Test func manyThreadsSeeWholeBodies() async throws {
        let pages = self.pages()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<1_000 {
                        let body = try text(pages, .workers)
                        #expect(body.hasPrefix("workers #"))
                    }
                }
            }
            for sequence in 1...100 { pages.publish(snapshot(UInt64(sequence))) }
            try await group.waitForAll()
        }
        #expect(try text(pages, .workers) == "workers #100 up 0")
        #expect(workshop.count <= 101)
    }

    @Test func theServicesOwnPagesAreItsDocuments() throws {
        let api = Settings.API(host: "127.0.0.1", port: 8080)
        let documents = ServiceDocuments(
            settings: Settings(), api: api, identity: .ofFarm, readMachine: { .ofFarm },
            readRefusedTokens: { RefusedTokens() })
        let pages = DocumentCache(serviceStartedAt: 1, limits: GatewayLimits(), documents: documents)
        pages.publish(.ofFarm)
        pages.advance(to: Snapshot.ofFarm.startedAt + Snapshot.farmUptime * 1_000)
        for (page, file) in [
            (Page.classicSummary, "classic-summary.json"), (.classicWorkers, "classic-workers.json"),
            (.summary, "summary.json"), (.workers, "workers.json"),
        ] {
            try Golden.expect(pages.representation(page, in: .identity).whole.body.content, equals: file)
        }
    }

    // MARK: Documents that are asked for all the time.

    @Test func aPageInDemandIsBuiltBeforeAnybodyAsks() throws {
        let pages = pages()
        _ = try pages.representation(.workers, in: .identity)
        #expect(workshop.count == 1)
        pages.publish(snapshot(1))
        #expect(workshop.count == 2)
        #expect(try text(pages, .workers) == "workers #1 up 0")
        #expect(workshop.count == 2)
        // Nobody has asked for long: nothing is built any more.
        pages.advance(to: 5_000 + GatewayLimits().warmMillis)
        pages.publish(snapshot(2))
        #expect(workshop.count == 2)
        #expect(try text(pages, .workers) == "workers #2 up 5")
    }

    @Test func minersAndStatusChangeOnlyWhatShowsThem() throws {
        let pages = pages()
        for page in [Page.workers, .miners, .shards, .openAPI] { _ = try text(pages, page) }
        #expect(workshop.count == 4)
        pages.publish(miners: [])
        for page in [Page.workers, .miners, .shards, .openAPI] { _ = try text(pages, page) }
        #expect(workshop.count == 5)
        pages.publish(status: .of(shard: .ready))
        for page in [Page.workers, .miners, .shards, .openAPI] { _ = try text(pages, page) }
        #expect(workshop.count == 6)
        pages.publish(status: nil)
        pages.publish(status: nil)
        _ = try text(pages, .shards)
        _ = try text(pages, .shards)
        #expect(workshop.count == 7)
    }

    // MARK: Queries.

    private func text(_ pages: DocumentCache, _ query: PageQuery) throws -> String {
        try String(decoding: pages.representation(query, in: .identity).whole.body.content, as: UTF8.self)
    }

    @Test func aQuestionIsAnsweredOncePerSnapshot() throws {
        let pages = pages()
        let query = PageQuery.worker(name: "rig")
        for _ in 0..<10 { #expect(try text(pages, query).hasSuffix("#0")) }
        #expect(workshop.count == 1)
        pages.publish(snapshot(1))
        #expect(try text(pages, query).hasSuffix("#1"))
        #expect(workshop.count == 2)
    }

    @Test func manyQuestionsAreKeptUpToALimit() throws {
        let pages = pages { $0.queriesKept = 4 }
        for number in 0..<10 { _ = try text(pages, .worker(name: "\(number)")) }
        #expect(workshop.count == 10)
        for number in 6..<10 { _ = try text(pages, .worker(name: "\(number)")) }
        #expect(workshop.count == 10)
        _ = try text(pages, .worker(name: "5"))
        #expect(workshop.count == 11)
    }

    @Test func largeAnswersAreKeptUpToALimit() throws {
        let pages = pages { $0.queryBytes = 100 }
        for number in 0..<10 { _ = try text(pages, .worker(name: "\(number)")) }
        for number in 0..<10 { _ = try text(pages, .worker(name: "\(number)")) }
        #expect(workshop.count > 13)
    }

    @Test func theTimeForQuestionsHasALimitPerSecond() throws {
        let pages = pages { $0.queryMicros = 1 }
        var refused = 0
        for number in 0..<1_000 {
            do { _ = try text(pages, .worker(name: "\(number)")) } catch { refused += 1 }
        }
        #expect(refused > 0)
        // The pages do not mind, and the next second is another one.
        #expect(try text(pages, .workers) == "workers #0 up 0")
        pages.advance(to: 6_000)
        #expect(try text(pages, .worker(name: "x")).hasSuffix("#0"))
    }

    @Test func whatIsNotThereIsNotKept() {
        let pages = pages()
        #expect(throws: HTTPError(.notFound)) { try text(pages, .worker(name: "nobody")) }
        #expect(throws: HTTPError(.notFound)) { try text(pages, .worker(name: "nobody")) }
        #expect(workshop.count == 2)
    }
}
