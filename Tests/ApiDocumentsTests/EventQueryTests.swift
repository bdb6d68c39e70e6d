import ApiFixtures
import Testing

@testable import ApiDocuments

@Suite struct EventQueryTests {
    private func parsed(_ text: String, lastEventID: String? = nil) throws -> EventQuery {
        try EventQuery(parsing: text, lastEventID: lastEventID)
    }

    @Test func withoutParametersItIsEverythingFromNowOn() throws {
        #expect(try parsed("") == EventQuery(filter: .everything, lastID: nil))
        #expect(try parsed("", lastEventID: "") == EventQuery(filter: .everything, lastID: nil))
        #expect(try parsed("x=1&_=179").filter == .everything)
        #expect(try !parsed("last-event-id=").isLost)
    }

    @Test func theHeaderIsNewerThanTheAddress() throws {
        let (old, new) = ("\(Stream.epochText)-1", "\(Stream.epochText)-2")
        #expect(try parsed("last-event-id=\(old)").lastID == Stream.id(1))
        #expect(try parsed("last-event-id=\(old)", lastEventID: new).lastID == Stream.id(2))
    }

    @Test func typesAndWorkerMakeTheFilter() throws {
        let filter = EventFilter(kinds: [.share, .poolError], worker: "a/b")
        #expect(try parsed("types=share,pool_error&worker=a%2Fb").filter == filter)
        #expect(try parsed("types=share%2Cpool_error&worker=a%2Fb").filter == filter)
    }

    @Test(arguments: ["5", "0", "\(Stream.epochText)", "\(Stream.epochText)-", "\(Stream.epochText)-1-2", "\u{0}"])
    func whoHasSeenWhatNobodyKnowsIsLostAndNotTurnedAway(id: String) throws {
        let query = try parsed("", lastEventID: id)
        #expect(query.isLost)
        #expect(query.lastID == nil)
    }

    @Test(arguments: [
        "types=", "types=share,", "types=Share", "types=silent", "types=gap&types=gap", "last-event-id=&last-event-id=",
    ])
    func whatMakesNoSenseIsRefused(query: String) { #expect(throws: QueryFault.self) { try parsed(query) } }
}
