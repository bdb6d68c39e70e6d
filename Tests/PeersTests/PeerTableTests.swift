import Addresses
import Testing

@testable import Peers

private let second: UInt64 = 1_000_000

/// A table of its own, and its descriptor.
private func makeTable() throws -> (PeerTable, Int32) {
    var seed: UInt64 = 7
    let descriptor = try #require(
        PeerTable.make {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1
            return seed
        })
    return (try #require(PeerTable(descriptor: descriptor)), descriptor)
}

private func network(_ text: String) throws -> Network { try #require(Network(text)) }

/// Who may connect: the machine's table of addresses, with a clock of its own.
struct AdmissionTests {
    private let table: PeerTable
    private let descriptor: Int32
    private var limits = PeerLimits()

    init() throws {
        (table, descriptor) = try makeTable()
        (limits.logins, limits.burst) = (10, 20)
    }

    private func admit(_ text: String, at now: UInt64) throws -> PeerTable.Admission {
        let network = try network(text)
        return table.admit(try #require(table.peer(network, at: now)), network, limits, at: now)
    }

    @Test func loginsBeyondTheBurstWaitAndThenAreRefused() throws {
        for _ in 0..<20 { #expect(try admit("192.0.2.1", at: 5 * second) == .admitted(after: 0)) }
        var delays: [UInt64] = []
        var refused = 0
        for _ in 0..<60 {
            switch try admit("192.0.2.1", at: 5 * second) {
            case .admitted(let delay): delays.append(delay)
            case .refused(let reason):
                #expect(reason == .logins)
                refused += 1
            }
        }
        // Ten a second for at most five seconds.
        #expect(delays == (1...50).map { UInt64($0) * 100_000 })
        #expect(refused == 10)
        #expect(try admit("192.0.2.2", at: 5 * second) == .admitted(after: 0), "another address has its own")
        #expect(try admit("192.0.2.1", at: 6 * second) == .admitted(after: 4_100_000), "what waits is paid for")
        #expect(try admit("192.0.2.1", at: 60 * second) == .admitted(after: 0))
    }

    @Test func anIPv6CustomerIsOneAddress() throws {
        for number in 0..<20 { #expect(try admit("2001:db8::\(number + 1)", at: second) == .admitted(after: 0)) }
        #expect(try admit("2001:db8::ffff", at: second) == .admitted(after: 100_000))
        #expect(try admit("2001:db8:0:1::1", at: second) == .admitted(after: 0))
    }

    @Test func zeroSwitchesALimitOff() throws {
        var free = self
        (free.limits.logins, free.limits.waiting, free.limits.faults) = (0, 0, 0)
        for _ in 0..<1_000 { #expect(try free.admit("192.0.2.1", at: second) == .admitted(after: 0)) }
        let network = try network("192.0.2.1")
        let peer = try #require(table.peer(network, at: second))
        for _ in 0..<1_000 { #expect(table.fault(peer, network, free.limits, at: second) == nil) }
        #expect(table.mayWait(peer, free.limits))
    }

    @Test func connectionsOfAllShardsCountTogether() throws {
        var few = self
        few.limits.connections = 3
        let peer = try #require(table.peer(try network("192.0.2.1"), at: second))
        let columns = (0..<3).map { PeerColumn(table, shard: $0) }
        for column in columns {
            #expect(try few.admit("192.0.2.1", at: second) == .admitted(after: 0))
            column.connected(peer, at: second)
        }
        #expect(try few.admit("192.0.2.1", at: second) == .refused(.connections))
        columns[1].disconnected(peer)
        #expect(try few.admit("192.0.2.1", at: second) == .admitted(after: 0))
        columns[1].connected(peer, at: second)
        // The process of shard 2 was killed, and the next one found nothing.
        columns[2].clear()
        #expect(try few.admit("192.0.2.1", at: second) == .admitted(after: 0))
        table.clear(shard: 0)
        #expect(table.report(peer, at: second).connections == 1)
    }

    @Test func waitingConnectionsOfAllShardsCountTogether() throws {
        var few = self
        few.limits.waiting = 4
        let peer = try #require(table.peer(try network("192.0.2.1"), at: second))
        let columns = (0..<2).map { PeerColumn(table, shard: $0) }
        for column in columns {
            for _ in 0..<2 {
                column.found(peer)
                #expect(table.mayWait(peer, few.limits))
                column.waits(peer, true)
            }
        }
        #expect(!table.mayWait(peer, few.limits))
        columns[0].waits(peer, false)
        #expect(table.mayWait(peer, few.limits))
    }

    @Test func faultsBeyondTheMinutesNumberAreABanThatDoubles() throws {
        var strict = self
        (strict.limits.faults, strict.limits.banSeconds) = (6, 100)
        let network = try network("192.0.2.1")
        let peer = try #require(table.peer(network, at: second))
        var now = 1_000 * second
        for length in [100, 200, 400] {
            var bans: [Int] = []
            for _ in 0..<7 { if let ban = table.fault(peer, network, strict.limits, at: now) { bans.append(ban) } }
            #expect(bans == [length], "the seventh within a minute")
            #expect(try strict.admit("192.0.2.1", at: now + UInt64(length) * second - 1) == .refused(.banned))
            #expect(try strict.admit("192.0.2.1", at: now + UInt64(length) * second) == .admitted(after: 0))
            now += UInt64(length + 60) * second
        }
        now += 2 * 86_400 * second
        for _ in 0..<6 { #expect(table.fault(peer, network, strict.limits, at: now) == nil) }
        #expect(table.fault(peer, network, strict.limits, at: now) == 100, "a day later the first length holds")
        #expect(table.unban(network, at: now + second))
        #expect(!table.unban(network, at: now + second))
        #expect(try strict.admit("192.0.2.1", at: now + 2 * second) == .admitted(after: 0))
    }

    @Test func slowFaultsAreNoBan() throws {
        let network = try network("192.0.2.1")
        let peer = try #require(table.peer(network, at: second))
        for number in 1...1_000 as ClosedRange<UInt64> {
            #expect(table.fault(peer, network, limits, at: number * second) == nil)
        }
    }

    @Test(arguments: ["127.0.0.1", "127.9.9.9", "::1"])
    func loopbackIsNeverBanned(text: String) throws {
        let network = try network(text)
        let peer = try #require(table.peer(network, at: second))
        for _ in 0..<10_000 { #expect(table.fault(peer, network, limits, at: second) == nil) }
        #expect(try admit(text, at: second) == .admitted(after: 0))
    }

    @Test func aMinerWithAnAcceptedShareSpeaksForItsAddress() throws {
        let network = try network("192.0.2.1")
        let peer = try #require(table.peer(network, at: second))
        table.proved(peer, at: second)
        for _ in 0..<500 { #expect(table.fault(peer, network, limits, at: 3_600 * second) == nil) }
        var bans = 0
        for _ in 0..<500 where table.fault(peer, network, limits, at: 3_602 * second) != nil { bans += 1 }
        #expect(bans == 1)
    }

    @Test func refusalsAreCountedByReasonAndAddress() throws {
        let peer = try #require(table.peer(try network("192.0.2.1"), at: second))
        table.count(.logins, of: peer, isDry: false)
        table.count(.logins, of: peer, isDry: true)
        table.count(.denied, of: nil, isDry: false)
        #expect(table.refused(.logins) == 1 && table.refused(.logins, isDry: true) == 1)
        #expect(table.refused(.denied) == 1 && table.refused(.banned) == 0)
        let report = table.report(peer, at: second)
        #expect(report.refused == 2 && report.refusals[Int(PeerRefusal.logins.rawValue)] == 2)
    }
}

/// Finding a place for an address, and losing it.
struct PlacesTests {
    @Test func processesThatMapTheTableSeeTheSame() throws {
        let (table, descriptor) = try makeTable()
        let other = try #require(PeerTable(descriptor: descriptor))
        let network = try network("192.0.2.1")
        let peer = try #require(table.peer(network, at: second))
        #expect(other.find(network) == peer)
        PeerColumn(other, shard: 5).connected(peer, at: second)
        #expect(table.report(peer, at: second).connections == 1)
    }

    @Test func aTableOfAnotherLayoutIsNotUsed() throws {
        let (table, descriptor) = try makeTable()
        table.words[PeerTable.Place.format] = 1
        #expect(PeerTable(descriptor: descriptor) == nil)
    }

    /// More addresses than there are places: those with connections and bans keep theirs.
    @Test func theOldestIdleAddressGoes() throws {
        let (table, _) = try makeTable()
        let column = PeerColumn(table, shard: 0)
        var limits = PeerLimits()
        limits.faults = 1
        let connected = try network("10.0.0.1")
        column.connected(try #require(table.peer(connected, at: second)), at: second)
        let banned = try network("10.0.0.2")
        let peer = try #require(table.peer(banned, at: second))
        _ = table.fault(peer, banned, limits, at: second)
        #expect(table.fault(peer, banned, limits, at: second) != nil)
        let idle = try network("10.0.0.3")
        _ = table.peer(idle, at: second)
        for number in 0..<200_000 as Range<UInt64> {
            let network = Network(high: 0x2001_0db8_0000_0000 + number, low: 0)
            #expect(table.peer(network, at: 2 * second + number) != nil)
        }
        #expect(table.find(connected) != nil && table.find(banned) != nil && table.find(idle) == nil)
        #expect(table.report(try #require(table.find(connected)), at: second).connections == 1)
        #expect(table.untracked == 0)
        #expect(table.reports(at: 3 * second).count > 60_000)
    }

    @Test func whereAllPlacesAreInUseAnAddressIsNotTracked() throws {
        let (table, _) = try makeTable()
        let column = PeerColumn(table, shard: 0)
        var tracked = 0
        for number in 0..<70_000 as Range<UInt64> {
            guard let peer = table.peer(Network(high: number << 20, low: 0), at: second) else { continue }
            column.connected(peer, at: second)
            tracked += 1
        }
        #expect(tracked <= PeerTable.peersMax && tracked > 58_000)
        #expect(table.untracked == UInt64(70_000 - tracked))
    }

    @Test func countsOfAFormerAddressAreNotTheNextOnes() throws {
        let (table, _) = try makeTable()
        let peer = try #require(table.peer(try network("10.0.0.1"), at: second))
        let column = PeerColumn(table, shard: 0)
        column.connected(peer, at: second)
        column.loggedIn(peer, at: second)
        // The place is another address's: a process has taken it while this one looked away.
        let next = PeerTable.Peer(index: peer.index, tag: peer.tag &+ 1 << 50)
        table.words[PeerTable.Place.tags + peer.index] = next.tag
        #expect(table.report(next, at: second).connections == 0)
        column.disconnected(peer)
        column.connected(next, at: second)
        #expect(table.report(next, at: 11 * second).connections == 1)
        #expect(table.report(next, at: 11 * second).logins == 0)
    }

    @Test func ratesAreThoseOfTheLastTenWholeSeconds() throws {
        let (table, _) = try makeTable()
        let peer = try #require(table.peer(try network("10.0.0.1"), at: second))
        let columns = [PeerColumn(table, shard: 0), PeerColumn(table, shard: 9)]
        for column in columns {
            column.requested(30, by: peer, at: 100 * second)
            column.shared(peer, isGood: true, at: 105 * second)
            column.shared(peer, isGood: false, at: 109 * second)
        }
        #expect(table.report(peer, at: 109 * second).requests == 0, "they are not whole yet")
        let report = table.report(peer, at: 112 * second)
        #expect(report.requests == 60 && report.goodShares == 2 && report.badShares == 2 && report.badRatio == 0.5)
        #expect(table.report(peer, at: 120 * second).requests == 0)
        columns[0].requested(1, by: peer, at: 115 * second)
        #expect(table.report(peer, at: 112 * second).requests == 60, "what happens since changes nothing")
    }

    @Test func countsStayWithinTheirBits() throws {
        let (table, _) = try makeTable()
        let peer = try #require(table.peer(try network("10.0.0.1"), at: second))
        let column = PeerColumn(table, shard: 0)
        column.disconnected(peer)
        column.waits(peer, false)
        #expect(table.report(peer, at: second).connections == 0)
        column.requested(5_000_000, by: peer, at: 100 * second)
        #expect(table.report(peer, at: 110 * second).requests == (1 << 20) - 1)
    }
}

/// The lists that the supervisor writes.
struct AddressListTests {
    private func prefixes(_ texts: [String]) throws -> [AddressPrefix] {
        try texts.map { try #require(AddressPrefix($0)) }
    }

    @Test func whatIsWrittenIsRead() throws {
        let (table, descriptor) = try makeTable()
        let reader = try #require(PeerTable(descriptor: descriptor))
        #expect(try #require(reader.lists(of: reader.listVersion)).denied.isEmpty)
        for round in 0..<5 {
            let before = reader.listVersion
            table.write(
                denied: try prefixes(["10.\(round).0.0/16", "2001:db8::/32"]), allowed: try prefixes(["192.0.2.7"]))
            #expect(reader.listVersion != before)
            let lists = try #require(reader.lists(of: reader.listVersion))
            #expect(lists.denied.contains(try #require(IPAddress("10.\(round).7.7"))))
            #expect(!lists.denied.contains(try #require(IPAddress("10.\(round + 1).7.7"))))
            #expect(lists.denied.contains(try #require(IPAddress("2001:db8:ffff::1"))))
            #expect(lists.allowed.contains(try #require(IPAddress("192.0.2.7"))))
            #expect(!lists.allowed.contains(try #require(IPAddress("192.0.2.8"))))
        }
    }

    @Test func aVersionThatIsWrittenOverIsNotRead() throws {
        let (table, _) = try makeTable()
        table.write(denied: [], allowed: [])
        let version = table.listVersion
        table.write(denied: try prefixes(["10.0.0.0/8"]), allowed: [])
        #expect(table.lists(of: version) != nil)
        table.write(denied: [], allowed: [])
        #expect(table.lists(of: version) == nil)
    }

    @Test func asManyAsThereIsRoomForAreKept() throws {
        let (table, _) = try makeTable()
        let many = (0..<20_000).map { AddressPrefix(IPAddress(v4: UInt32($0)), bits: 128)! }
        table.write(denied: many, allowed: try prefixes(["192.0.2.7"]))
        let lists = try #require(table.lists(of: table.listVersion))
        #expect(lists.denied.contains(IPAddress(v4: 16_383)) && !lists.denied.contains(IPAddress(v4: 16_384)))
        #expect(lists.allowed.isEmpty)
    }
}

/// What all shards know of a miner.
struct KnownConductTests {
    @Test func aQuarantineIsKnownUntilItEnds() throws {
        let (table, descriptor) = try makeTable()
        let other = try #require(PeerTable(descriptor: descriptor))
        table.know(KnownConduct(until: 50 * second, quarantines: 2), of: 77)
        #expect(other.conduct(of: 77, at: 49 * second) == KnownConduct(until: 50 * second, quarantines: 2))
        #expect(other.conduct(of: 77, at: 50 * second) == nil)
        #expect(other.conduct(of: 78, at: second) == nil)
    }

    @Test func theOneThatEndsFirstMakesRoom() throws {
        let (table, _) = try makeTable()
        table.know(KnownConduct(until: .max, quarantines: 9), of: 1)
        for key in 2..<100_000 as Range<UInt64> { table.know(KnownConduct(until: key, quarantines: 1), of: key) }
        #expect(table.conduct(of: 1, at: second) != nil)
        #expect(table.conduct(of: 99_999, at: 5) != nil)
    }
}
