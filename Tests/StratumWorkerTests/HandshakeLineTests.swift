import StratumSession
import Testing

@testable import StratumWorker

/// The order of handshakes, with addresses as letters and connections as numbers.
@Suite struct HandshakeLineTests {
    final class Member {
        let number: Int
        var isThere = true
        init(_ number: Int) { self.number = number }
    }

    private final class Line {
        var line = HandshakeLine<Character, Member>(begunMax: 4, patience: .seconds(5))
        var members: [Int: Member] = [:]
        var now = Instant(microseconds: 0)

        func hello(_ number: Int, of address: Character) {
            let member = Member(number)
            members[number] = member
            line.append(hello: member, of: address, at: now)
        }

        /// "3" for a hello, "3-1" when 1 ends for it, "+3" for a step; nil when all must wait.
        func next() -> String? {
            switch line.next(at: now, isThere: { $0.isThere }) {
            case .step(let member): "+\(member.number)"
            case .hello(let member, nil): "\(member.number)"
            case .hello(let member, let other?): "\(member.number)-\(other.number)"
            case nil: nil
            }
        }

        func begin(_ numbers: [Int], of address: Character) {
            for number in numbers {
                hello(number, of: address)
                _ = next()
            }
        }

        @discardableResult
        func end(_ number: Int, of address: Character) -> Bool { line.ends(members[number]!, of: address) }

        func giveWay(to address: Character) -> Int? { line.giveWay(to: address, at: now) { $0.isThere }?.number }

        func rest() -> [String] {
            var all: [String] = []
            while let turn = next() { all.append(turn) }
            return all
        }
    }

    @Test func addressesAreServedInTurn() {
        let line = Line()
        line.line = HandshakeLine(begunMax: 100, patience: .seconds(5))
        for number in 1...5 { line.hello(number, of: "a") }
        line.hello(6, of: "b")
        line.hello(7, of: "c")
        line.hello(8, of: "c")
        #expect(line.rest() == ["1", "6", "7", "2", "8", "3", "4", "5"])
        #expect(line.line.isEmpty)
        #expect(line.line.begunCount == 8)
    }

    @Test func stepsGoBeforeHellos() {
        let line = Line()
        line.begin([1], of: "a")
        line.hello(2, of: "a")
        line.line.append(step: line.members[1]!)
        #expect(line.line.hasSteps)
        #expect(line.rest() == ["+1", "2"])
        #expect(!line.line.hasSteps)
    }

    @Test func aHelloWhoseConnectionHasEndedTakesNoTurn() {
        let line = Line()
        for number in 1...3 { line.hello(number, of: "a") }
        line.hello(4, of: "b")
        line.members[1]?.isThere = false
        line.members[4]?.isThere = false
        #expect(line.rest() == ["2", "3"])
        #expect(line.line.isEmpty)
    }

    @Test func aCrowdOfOneAddressWaitsForAPlace() {
        let line = Line()
        for number in 1...6 { line.hello(number, of: "a") }
        #expect(line.rest() == ["1", "2", "3", "4"])
        #expect(!line.line.hasPlace)
        #expect(!line.line.isEmpty)
        line.end(2, of: "a")
        #expect(line.rest() == ["5"])
        line.now = line.now + Milliseconds(4_999)
        #expect(line.rest() == [])
        // The clients of 1, 3 and 4 are silent.
        line.now = line.now + Milliseconds(1)
        #expect(line.rest() == ["6-1"])
    }

    @Test func anotherAddressTakesAPlaceOfTheCrowd() {
        let line = Line()
        line.begin([1, 2, 3, 4], of: "a")
        line.hello(5, of: "a")
        line.hello(6, of: "b")
        line.hello(7, of: "b")
        line.hello(8, of: "b")
        // After 6 and 7 both have two places.
        #expect(line.rest() == ["6-1", "7-2"])
        #expect(line.line.begunCount == 4)
        line.hello(9, of: "c")
        let turns = line.rest()
        #expect(turns == ["9-3"] || turns == ["9-6"])
    }

    @Test func aHandshakeThatWasEndedForAnotherIsNotEndedTwice() {
        let line = Line()
        line.begin([1, 2, 3, 4], of: "a")
        line.begin([5], of: "b")
        #expect(!line.end(1, of: "a"))
        #expect(line.line.begunCount == 4)
    }

    @Test func theLongestCrowdGivesWay() {
        let line = Line()
        line.begin([1, 2, 3, 4], of: "x")
        for number in 11...14 { line.hello(number, of: "a") }
        for number in 21...22 { line.hello(number, of: "b") }
        #expect(line.giveWay(to: "c") == 14)
        // One more than the newcomer's address is not enough.
        #expect(line.giveWay(to: "b") == nil)
        line.members[13]?.isThere = false
        line.hello(23, of: "b")
        line.hello(24, of: "b")
        #expect(line.giveWay(to: "c") == 24)
        // 13 does not count any more: it is found when it is to give way.
        line.members[23]?.isThere = false
        line.members[22]?.isThere = false
        #expect(line.giveWay(to: "c") == 12)
        for number in 1...4 { line.end(number, of: "x") }
        #expect(line.rest() == ["11", "21"])
        #expect(line.line.isEmpty)
    }

    @Test func oneHelloOfEachOfManyAddressesGivesWayWhenItHasWaited() {
        let line = Line()
        line.begin([1, 2, 3, 4], of: "x")
        line.hello(11, of: "a")
        line.now = line.now + Milliseconds(1)
        line.hello(12, of: "b")
        line.now = line.now + Milliseconds(4_998)
        #expect(line.giveWay(to: "c") == nil)
        line.now = line.now + Milliseconds(1)
        #expect(line.giveWay(to: "c") == 11)
        #expect(line.giveWay(to: "c") == nil)
    }

    @Test func oneCallAsksALimitedNumberOfAddresses() {
        let line = Line()
        line.begin([1, 2, 3, 4], of: "a")
        line.begin([5, 6], of: "b")
        #expect(line.line.begunCount == 4)
        // Each of these has as many places as it can take from another.
        let asked = HandshakeLine<Character, Member>.addressesAskedMax
        for number in 0..<asked { line.hello(100 + number, of: Character(UnicodeScalar(UInt32(0x4e00 + number))!)) }
        #expect(line.rest().count <= asked)
        #expect(!line.line.isEmpty)
    }
}
