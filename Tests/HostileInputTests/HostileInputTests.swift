import Testing

@testable import HostileInput

/// Repeatable, and nothing more: the tests need no good randomness.
private struct Steps: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}

struct HostileInputTests {
    private let sample = Array(
        "{\"id\":7,\"method\":\"submit\",\"params\":{\"id\":\"ab\",\"nonce\":\"00000001\"}}\n".utf8)

    @Test(arguments: HostileKind.allCases) func everyKindIsBadAndWithinItsLimit(kind: HostileKind) {
        var steps = Steps(state: 1)
        let input = HostileInput(kinds: [kind])
        var different = 0
        for _ in 0..<300 {
            let message = input.next(like: sample, using: &steps)
            #expect(!message.isEmpty && message.count <= HostileInput.bytesMax)
            if message != sample { different += 1 }
        }
        #expect(different > 290)
    }

    @Test func theSameSeedGivesTheSameInput() {
        var one = Steps(state: 5)
        var other = Steps(state: 5)
        let input = HostileInput(kinds: [])
        for _ in 0..<100 {
            #expect(input.next(like: sample, using: &one) == input.next(like: sample, using: &other))
        }
    }

    @Test func aWrongValueStandsWhereAGoodOneStood() {
        var steps = Steps(state: 2)
        for _ in 0..<100 {
            let text = String(
                decoding: HostileInput.make(.types, like: sample, using: &steps), as: UTF8.self)
            #expect(text.hasPrefix("{\"id\":") && text.hasSuffix("\n"))
        }
    }

    @Test func nestingGoesFarBeyondAnyHonestDepth() {
        var steps = Steps(state: 3)
        let deepest = (0..<50).map { _ in
            HostileInput.make(.nesting, like: sample, using: &steps).count { $0 == 0x5b || $0 == 0x7b }
        }.max()
        #expect(deepest ?? 0 > 10_000)
    }

    @Test func aSampleWithoutValuesIsNoTrouble() {
        var steps = Steps(state: 4)
        for kind in HostileKind.allCases {
            for sample in [[], [0x0a], Array("GET / HTTP/1.1\r\n\r\n".utf8)] {
                _ = HostileInput(kinds: [kind]).next(like: sample, using: &steps)
            }
        }
    }
}
