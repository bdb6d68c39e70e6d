import TestSupport
import Testing

@testable import HostileInput

struct HostileInputTests {
    private let sample = Array(
        "{\"id\":7,\"method\":\"submit\",\"params\":{\"id\":\"ab\",\"nonce\":\"00000001\"}}\n".utf8)

    @Test(arguments: HostileKind.allCases) func everyKindIsBadAndWithinItsLimit(kind: HostileKind) {
        var steps = SeededGenerator(seed: 1)
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
        var one = SeededGenerator(seed: 5)
        var other = SeededGenerator(seed: 5)
        let input = HostileInput(kinds: [])
        for _ in 0..<100 {
            #expect(input.next(like: sample, using: &one) == input.next(like: sample, using: &other))
        }
    }

    @Test func aWrongValueStandsWhereAGoodOneStood() {
        var steps = SeededGenerator(seed: 2)
        for _ in 0..<100 {
            let text = String(
                decoding: HostileInput.make(.types, like: sample, using: &steps), as: UTF8.self)
            #expect(text.hasPrefix("{\"id\":") && text.hasSuffix("\n"))
        }
    }

    @Test func nestingGoesFarBeyondAnyHonestDepth() {
        var steps = SeededGenerator(seed: 3)
        let deepest = (0..<50).map { _ in
            HostileInput.make(.nesting, like: sample, using: &steps).count { $0 == 0x5b || $0 == 0x7b }
        }.max()
        #expect(deepest ?? 0 > 10_000)
    }

    @Test func aSampleWithoutValuesIsNoTrouble() {
        var steps = SeededGenerator(seed: 4)
        for kind in HostileKind.allCases {
            for sample in [[], [0x0a], Array("GET / HTTP/1.1\r\n\r\n".utf8)] {
                _ = HostileInput(kinds: [kind]).next(like: sample, using: &steps)
            }
        }
    }
}
