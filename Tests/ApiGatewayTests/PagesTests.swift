import Configuration
import Synchronization
import Telemetry
import Testing

@testable import ApiGateway

@Suite struct PagesTests {
    /// Pages whose bodies say what they were built from, and a count of the builds.
    private final class Workshop: Sendable {
        let builds = Atomic<Int>(0)

        func pages(bodyBytesMax: Int = .max) -> Pages {
            Pages(serviceStartedAt: 5_000, bodyBytesMax: bodyBytesMax) { [self] page, truth in
                builds.add(1, ordering: .relaxed)
                return Array("\(page) #\(truth.snapshot.sequence) up \(truth.uptime)".utf8)
            }
        }

        var count: Int { builds.load(ordering: .relaxed) }
    }

    private let workshop = Workshop()

    private func text(_ pages: Pages, _ page: Page) throws -> String {
        try String(decoding: pages.response(for: page).body.content, as: UTF8.self)
    }

    private func snapshot(_ sequence: UInt64) -> Snapshot {
        var snapshot = Snapshot()
        snapshot.sequence = sequence
        snapshot.startedAt = 5_000
        return snapshot
    }

    @Test func aBodyIsBuiltOnceForAllClients() throws {
        let pages = workshop.pages()
        pages.publish(snapshot(1))
        let first = try pages.response(for: .workers)
        for _ in 0..<100 { #expect(try pages.response(for: .workers) === first) }
        #expect(workshop.count == 1)
    }

    @Test func nothingIsBuiltThatNobodyAsksFor() {
        let pages = workshop.pages()
        for sequence in 1...100 { pages.publish(snapshot(UInt64(sequence))) }
        #expect(workshop.count == 0)
    }

    @Test func aNewSnapshotIsSeenAtOnce() throws {
        let pages = workshop.pages()
        #expect(try text(pages, .workers) == "workers #0 up 0")
        pages.publish(snapshot(1))
        #expect(try text(pages, .workers) == "workers #1 up 0")
        pages.publish(snapshot(2))
        #expect(try text(pages, .workers) == "workers #2 up 0")
    }

    @Test func theUptimeGoesOnWhenTheCollectorIsAway() throws {
        let pages = workshop.pages()
        pages.publish(snapshot(1))
        pages.advance(to: 8_999)
        #expect(try text(pages, .classicSummary) == "classicSummary #1 up 3")
        pages.advance(to: 9_000)
        #expect(try text(pages, .classicSummary) == "classicSummary #1 up 4")
    }

    @Test func aTableWithoutAClockIsNotBuiltAnewForTheTime() throws {
        let pages = workshop.pages()
        pages.publish(snapshot(1))
        let first = try pages.response(for: .classicWorkers)
        pages.advance(to: 9_000)
        #expect(try pages.response(for: .classicWorkers) === first)
    }

    @Test func aClockThatIsSetBackDoesNotTrap() throws {
        let pages = workshop.pages()
        pages.advance(to: 1)
        #expect(try text(pages, .summary) == "summary #0 up 0")
    }

    @Test func aSnapshotThatDoesNotKnowTheStartTakesTheSupervisors() throws {
        let pages = workshop.pages()
        pages.publish(Snapshot())
        pages.advance(to: 7_000)
        #expect(try text(pages, .summary) == "summary #0 up 2")
    }

    @Test func oldBodiesThatAreStillReadHaveALimit() throws {
        let pages = workshop.pages(bodyBytesMax: 40)
        var held: [HTTPResponse] = []
        // Three bodies of 15 bytes are more than 40: whoever asks next is put off …
        for sequence in 1...3 {
            pages.publish(snapshot(UInt64(sequence)))
            held.append(try pages.response(for: .workers))
        }
        pages.publish(snapshot(4))
        #expect(throws: Refusal.serviceUnavailable) { try pages.response(for: .workers) }
        // … until one of them has been read.
        held.removeFirst()
        #expect(try text(pages, .workers) == "workers #4 up 0")
    }

    @Test func manyThreadsSeeWholeBodies() async throws {
        let pages = workshop.pages()
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
        let pages = Pages(
            settings: Settings(), api: api, identity: .ofFarm, serviceStartedAt: 1, limits: GatewayLimits(),
            readMachine: { .ofFarm })
        pages.publish(.ofFarm)
        pages.advance(to: Snapshot.ofFarm.startedAt + Snapshot.farmUptime * 1_000)
        for (page, file) in [
            (Page.classicSummary, "classic-summary.json"), (.classicWorkers, "classic-workers.json"),
            (.summary, "summary.json"), (.workers, "workers.json"),
        ] {
            try Golden.expect(pages.response(for: page).body.content, equals: file)
        }
    }
}
