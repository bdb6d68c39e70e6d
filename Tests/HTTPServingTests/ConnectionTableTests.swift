import Addresses
import Testing

@testable import HTTPServing

@Suite struct ConnectionTableTests {
    private static let limits = {
        var limits = HTTPLimits()
        limits.headMillis = 30
        limits.requestMillis = 30
        limits.answerMillis = 60
        return limits
    }()
    private var connections = ConnectionTable(limits: limits)

    @Test mutating func whoNeverFinishesARequestIsOverdue() {
        _ = connections.connected(5, at: 100)
        #expect(connections.overdue(at: 129) == [])
        #expect(connections.overdue(at: 130) == [5])
        #expect(connections.overdue(at: 131) == [5])
        connections.closed(5)
        #expect(connections.overdue(at: 200) == [])
    }

    @Test mutating func anAnswerHasMoreTimeAndTheNextRequestStartsAfresh() {
        _ = connections.connected(5, at: 100)
        connections.answering(5, at: 120)
        #expect(connections.overdue(at: 179) == [])
        #expect(connections.overdue(at: 180) == [5])
        connections.answered(5, at: 175)
        #expect(connections.overdue(at: 204) == [])
        #expect(connections.overdue(at: 205) == [5])
    }

    @Test mutating func answersUnderWayAreCountedHoweverTheyEnd() {
        _ = connections.connected(5, at: 0)
        _ = connections.connected(6, at: 0)
        connections.answering(5, at: 0)
        connections.answering(6, at: 0)
        #expect(connections.answeringCount == 2)
        connections.answering(6, at: 1)
        #expect(connections.answeringCount == 2)
        connections.answered(5, at: 1)
        connections.closed(6)
        #expect(connections.answeringCount == 0)
    }

    @Test mutating func newsAboutAClosedConnectionAreLate() {
        _ = connections.connected(5, at: 0)
        connections.closed(5)
        connections.answered(5, at: 1)
        connections.answering(5, at: 1)
        connections.closed(5)
        #expect(connections.overdue(at: 1_000) == [])
        #expect(connections.answeringCount == 0)
    }

    @Test mutating func aReusedNumberIsANewConnection() {
        _ = connections.connected(5, at: 0)
        connections.answering(5, at: 0)
        _ = connections.connected(5, at: 50)
        #expect(connections.answeringCount == 0)
        #expect(connections.overdue(at: 79) == [])
        #expect(connections.overdue(at: 80) == [5])
    }

    @Test mutating func aConnectionThatTheFrontHandsOverStaysWhatItIs() {
        _ = connections.connected(5, at: 0)
        let isFive = connections.handed(5, as: 5)
        #expect(isFive)
        _ = connections.connected(5, at: 20)
        #expect(connections.overdue(at: 30) == [5])
        // Behind TLS another socket stands for it.
        _ = connections.connected(6, at: 0)
        let isSix = connections.handed(6, as: 7)
        #expect(isSix)
        _ = connections.connected(7, at: 20)
        #expect(Set(connections.overdue(at: 30)) == [5, 7])
        connections.closed(5)
        connections.closed(7)
        #expect(connections.openCount == 0)
        let isEight = connections.handed(8, as: 8)
        #expect(!isEight)
    }

    @Test func manyAddressesWithOneConnectionEachDoNotFillIt() throws {
        var limits = HTTPLimits()
        limits.connections = 16
        var connections = ConnectionTable(limits: limits)
        for number in 0..<1_000 {
            let client = try #require(Network("10.0.\(number / 250).\(number % 250)"))
            guard let other = connections.connected(Int32(number), from: client, at: 0) else { continue }
            #expect(other != number)
            let isHanded = connections.handed(other, as: other)
            #expect(!isHanded, "it was told to close")
            connections.closed(other)
        }
        #expect(connections.openCount == 14)
    }

    @Test func headersHaveLessTimeThanABody() {
        var limits = Self.limits
        limits.headMillis = 10
        var connections = ConnectionTable(limits: limits)
        _ = connections.connected(5, at: 0)
        _ = connections.connected(6, at: 0)
        connections.reading(6, at: 9)
        #expect(connections.overdue(at: 10) == [5])
        #expect(connections.overdue(at: 38) == [5])
        #expect(connections.overdue(at: 39).sorted() == [5, 6])
        #expect(connections.answeringCount == 0)
    }

    private func client(_ number: Int) -> Network? { Network("192.0.2.\(number)") }

    /// 28 of 32 places may be taken.
    private static let small = {
        var limits = HTTPLimits()
        limits.connections = 32
        limits.connectionsPerAddress = 20
        return limits
    }()

    @Test func theAddressWithTheMostConnectionsMakesRoom() {
        var connections = ConnectionTable(limits: Self.small)
        for socket in 0..<18 { #expect(connections.connected(Int32(socket), from: client(1), at: 0) == nil) }
        for socket in 18..<28 { #expect(connections.connected(Int32(socket), from: client(2), at: 0) == nil) }
        // The oldest that is being answered stays, for there are some that wait.
        connections.answering(0, at: 0)
        #expect(connections.connected(100, from: client(3), at: 0) == 1)
        // It was told to end, and is not there for the next one, whether its end was seen or not.
        #expect(connections.connected(101, from: client(4), at: 0) == 2)
        connections.closed(1)
        #expect(connections.connected(102, from: client(4), at: 0) == 3)
        // Whoever has most loses its own.
        for socket in 200..<260 {
            let ended = connections.connected(Int32(socket), from: client(5), at: 0)
            #expect(ended != 100 && ended != 101 && ended != 102)
        }
    }

    @Test func oneAddressBeyondItsShareLosesItsOldest() {
        var connections = ConnectionTable(limits: Self.small)
        for socket in 0..<20 { #expect(connections.connected(Int32(socket), from: client(1), at: 0) == nil) }
        #expect(connections.connected(20, from: client(1), at: 0) == 0)
        #expect(connections.connected(21, from: client(1), at: 0) == 1)
        // All are answered: then the oldest of these, but a stream.
        for socket in 2...21 { connections.answering(Int32(socket), at: 0) }
        connections.streaming(2, at: 0)
        #expect(connections.connected(22, from: client(1), at: 0) == 3)
        #expect(connections.connected(23, from: client(2), at: 0) == nil)
    }

    @Test func connectionsOfUnknownAddressesAreBoundedToo() {
        var connections = ConnectionTable(limits: Self.small)
        for socket in 0..<20 { #expect(connections.connected(Int32(socket), from: nil, at: 0) == nil) }
        #expect(connections.connected(20, from: nil, at: 0) == 0)
    }
}
