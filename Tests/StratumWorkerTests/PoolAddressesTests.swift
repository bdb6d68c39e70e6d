import Configuration
import EventLoop
import Testing

@testable import StratumWorker

/// A name server whose answers the test controls.
private final class Names {
    var now: UInt64 = 1
    var questions: [(host: String, family: AddressFamily, answer: (Result<[SocketAddress], SystemFailure>) -> Void)] =
        []

    func addresses(of settings: Settings) -> PoolAddresses {
        PoolAddresses(
            settings.dns, nanoseconds: { self.now },
            lookup: { host, _, family, answer in self.questions.append((host, family, answer)) })
    }
}

@Suite struct PoolAddressesTests {
    private let names = Names()
    private let refusal = SystemFailure(code: -3_008)

    private func settings(_ host: String = "pool.example", ipVersion: Int = 0) -> Settings {
        var settings = Settings()
        settings.pools = [Settings.Pool(host: host, port: 3_333, user: "u", password: "x")]
        settings.dns.ttlSeconds = 30
        settings.dns.ipVersion = ipVersion
        return settings
    }

    private func found(_ hosts: String...) throws -> Result<[SocketAddress], SystemFailure> {
        .success(try hosts.map { try SocketAddress(host: $0, port: 3_333) })
    }

    @Test(arguments: ["127.0.0.1", "::1"])
    func anAddressNeedsNoNameServer(host: String) throws {
        var hosts: [String] = []
        names.addresses(of: settings(host)).next(for: host, port: 3_333) { hosts.append((try? $0.get().host) ?? "?") }
        #expect(hosts == [host])
        #expect(names.questions.isEmpty)
    }

    @Test func allAddressesOfANameAreTakenInTurn() throws {
        let addresses = names.addresses(of: settings())
        var hosts: [String] = []
        func ask() { addresses.next(for: "pool.example", port: 3_333) { hosts.append((try? $0.get().host) ?? "?") } }
        ask()
        names.questions[0].answer(try found("10.0.0.1", "10.0.0.2", "10.0.0.3"))
        for _ in 0..<5 { ask() }
        #expect(names.questions.count == 1)
        #expect(Set(hosts.prefix(3)).count == 3)
        #expect(hosts.prefix(3) == hosts.suffix(3))
    }

    @Test func manyWhoAskAtOnceWaitForOneAnswer() throws {
        let addresses = names.addresses(of: settings())
        var answers = 0
        for _ in 0..<16 { addresses.next(for: "pool.example", port: 3_333) { _ in answers += 1 } }
        #expect(names.questions.count == 1)
        names.questions[0].answer(try found("10.0.0.1"))
        #expect(answers == 16)
    }

    @Test func anAnswerIsKeptForItsTimeAndNoLonger() throws {
        let addresses = names.addresses(of: settings())
        addresses.next(for: "pool.example", port: 3_333) { _ in }
        names.questions[0].answer(try found("10.0.0.1"))
        names.now += 29_999_999_999
        addresses.next(for: "pool.example", port: 3_333) { _ in }
        #expect(names.questions.count == 1)
        names.now += 1
        addresses.next(for: "pool.example", port: 3_333) { _ in }
        #expect(names.questions.count == 2)
    }

    @Test func aNameThatCannotBeFoundIsAskedForAgain() throws {
        let addresses = names.addresses(of: settings())
        var failures = 0
        for attempt in 0..<3 {
            addresses.next(for: "pool.example", port: 3_333) { if case .failure(refusal) = $0 { failures += 1 } }
            names.questions[attempt].answer(.failure(refusal))
        }
        #expect(failures == 3)
        var host: String?
        addresses.next(for: "pool.example", port: 3_333) { host = try? $0.get().host }
        names.questions[3].answer(try found("10.0.0.1"))
        #expect(host == "10.0.0.1")
    }

    @Test func whenNamesFailTheLastAddressesServeOn() throws {
        let addresses = names.addresses(of: settings())
        addresses.next(for: "pool.example", port: 3_333) { _ in }
        names.questions[0].answer(try found("10.0.0.1"))
        names.now += 31_000_000_000
        var host: String?
        addresses.next(for: "pool.example", port: 3_333) { host = try? $0.get().host }
        names.questions[1].answer(.failure(refusal))
        #expect(host == "10.0.0.1")
        addresses.next(for: "pool.example", port: 3_333) { _ in }
        #expect(names.questions.count == 3, "the old answer must not pass for a new one")
    }

    @Test(arguments: zip([0, 4, 6], [AddressFamily.any, .ipv4, .any]))
    func theOperatorChoosesTheVersionOfIP(version: Int, family: AddressFamily) {
        names.addresses(of: settings(ipVersion: version)).next(for: "pool.example", port: 3_333) { _ in }
        #expect(names.questions.map(\.family) == [family])
    }

    // MARK: - Preferring IPv6

    private func hosts(_ count: Int, of addresses: PoolAddresses) -> [String] {
        var hosts: [String] = []
        for _ in 0..<count {
            addresses.next(for: "pool.example", port: 3_333) { hosts.append((try? $0.get().host) ?? "?") }
        }
        return hosts
    }

    @Test func withVersionSixOnlyIPv6AddressesAreTakenWhileTheyWork() throws {
        let addresses = names.addresses(of: settings(ipVersion: 6))
        _ = hosts(1, of: addresses)
        names.questions[0].answer(try found("10.0.0.1", "2001:db8::1", "10.0.0.2", "2001:db8::2"))
        #expect(Set(hosts(10, of: addresses)) == ["2001:db8::1", "2001:db8::2"])
    }

    @Test func withVersionSixAHostWithoutIPv6IsReachedByIPv4() throws {
        let addresses = names.addresses(of: settings(ipVersion: 6))
        _ = hosts(1, of: addresses)
        names.questions[0].answer(try found("10.0.0.1"))
        #expect(hosts(2, of: addresses) == ["10.0.0.1", "10.0.0.1"])
        addresses.failed("pool.example", port: 3_333)
        #expect(hosts(1, of: addresses) == ["10.0.0.1"])
    }

    @Test func anIPv6AddressThatCannotBeReachedGivesIPv4ItsChance() throws {
        let addresses = names.addresses(of: settings(ipVersion: 6))
        _ = hosts(1, of: addresses)
        names.questions[0].answer(try found("2001:db8::1", "10.0.0.1"))
        addresses.failed("pool.example", port: 3_333)
        #expect(hosts(3, of: addresses) == ["10.0.0.1", "2001:db8::1", "2001:db8::1"])
    }

    @Test func hostsThatPoolsSendUsToDoNotFillTheMemory() throws {
        let addresses = names.addresses(of: settings())
        for number in 0..<(3 * PoolAddresses.hostsMax) {
            addresses.next(for: "host\(number).example", port: 1) { _ in }
            names.questions[number].answer(try found("10.0.0.1"))
        }
        #expect(addresses.hostCount == PoolAddresses.hostsMax)
    }
}

@Suite struct DescriptorBudgetTests {
    @Test func someDescriptorsAreKeptForPoolsAndTheBus() {
        let budget = DescriptorBudget(limit: 1_024, listening: 2)
        // 958 for miners and pools. 942 miners may need four upstreams, four more while they change, and a backup for
        // each.
        #expect(budget.hasRoom(miners: 941, pools: 0) && budget.hasRoom(miners: 941, pools: 16))
        #expect(!budget.hasRoom(miners: 942, pools: 16) && !budget.hasRoom(miners: 942, pools: 0))
        #expect(!budget.hasRoom(miners: 857, pools: 101))
        // With few descriptors, miners still get most of them.
        #expect(DescriptorBudget(limit: 64, listening: 2).hasRoom(miners: 11, pools: 4))
        #expect(!DescriptorBudget(limit: 64, listening: 2).hasRoom(miners: 12, pools: 4))
        #expect(!DescriptorBudget(limit: 0, listening: 0).hasRoom(miners: 0, pools: 0))
        // Each miner needs a connection to a pool, and perhaps one to its backup, also before it has logged in.
        #expect(budget.hasRoom(miners: 478, pools: 0, poolsForEach: 1))
        #expect(!budget.hasRoom(miners: 479, pools: 0, poolsForEach: 1))
        #expect(!budget.hasRoom(miners: 320, pools: 0, poolsForEach: 2))
    }
}
