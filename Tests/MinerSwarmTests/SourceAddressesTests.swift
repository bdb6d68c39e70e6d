import Testing

@testable import MinerSwarm

/// Where miners connect from.
struct SourceAddressesTests {
    @Test func minersTakeTurnsFromTheFirstAddressOn() throws {
        let sources = SourceAddresses(first: try #require(SourceAddresses.number(of: "127.0.0.253")), count: 3)
        let addresses = try (0..<4).map { "\(try sources.address(of: $0))" }
        #expect(addresses == ["127.0.0.253:0", "127.0.0.254:0", "127.0.1.1:0", "127.0.0.253:0"])
    }

    @Test(arguments: ["127.0.0.0", "127.0.0.255", "127.1.0.1", "10.0.0.1", "127.0.0", "127.0.0.1.", "", "127.0.0.x"])
    func anAddressThatIsNoneOfThemIsRefused(text: String) {
        #expect(SourceAddresses.number(of: text) == nil)
    }
}
