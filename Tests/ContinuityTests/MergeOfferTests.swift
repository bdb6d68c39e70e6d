import Glibc
import TestSupport
import Testing

@testable import Continuity

/// A merge offer with its descriptors, sent from the supervisor to a shard.
@Suite struct MergeOfferTests {
    /// An offer whose two descriptors are the read ends of pipes, with a word in each.
    private func shard(_ words: [String] = ["memory", "anchor"]) throws -> MergeOffer {
        let ends = try words.map { word in
            var ends: [Int32] = [-1, -1]
            try #require(pipe(&ends) == 0)
            write(ends[1], word, word.utf8.count)
            close(ends[1])
            return ends[0]
        }
        return MergeOffer(shard: 7, incarnation: 1 << 40, memory: ends[0], anchor: ends[1])
    }

    private func text(_ descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = read(descriptor, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
    }

    @Test func itArrivesWithItsDescriptorsAmongOtherWords() throws {
        let pair = try SocketPair()
        var lifeline = Lifeline(descriptor: pair.ours)
        let sent = try shard()
        write(pair.theirs, "freeze\n", 7)
        #expect(sent.say(on: pair.theirs))
        write(pair.theirs, "resume\n", 7)
        sent.close()
        var heard: [Lifeline.SupervisorMessage] = []
        while let news = lifeline.next() { heard.append(news) }
        try #require(heard.count == 3)
        #expect(heard[0] == .word(.freeze))
        #expect(heard[2] == .word(.resume))
        guard case .absorb(let shard) = heard[1] else { throw TestFailure("not heard") }
        #expect((shard.shard, shard.incarnation) == (7, 1 << 40))
        #expect(text(shard.memory) == "memory")
        #expect(text(shard.anchor) == "anchor")
        #expect(fcntl(shard.memory, F_GETFD) & FD_CLOEXEC != 0)
        shard.close()
    }

    @Test func twoInARowKeepTheirOwnDescriptors() throws {
        let pair = try SocketPair()
        var lifeline = Lifeline(descriptor: pair.ours)
        for words in [["a", "b"], ["c", "d"]] {
            let one = try shard(words)
            #expect(one.say(on: pair.theirs))
            one.close()
        }
        var heard: [String] = []
        while let news = lifeline.next() {
            guard case .absorb(let shard) = news else { continue }
            heard += [text(shard.memory), text(shard.anchor)]
            shard.close()
        }
        #expect(heard == ["a", "b", "c", "d"])
    }

    @Test func aPartArrivesWithItsNumberAndIsReleasedByIt() throws {
        let pair = try SocketPair()
        var lifeline = Lifeline(descriptor: pair.ours)
        let whole = try shard()
        let part = ShardPart(number: .max, miners: .max)
        let sent = MergeOffer(
            shard: .max, incarnation: .max, part: part, memory: whole.memory, anchor: whole.anchor)
        #expect(sent.say(on: pair.theirs))
        sent.close()
        let line = part.line + "\n"
        write(pair.theirs, line, line.utf8.count)
        guard case .absorb(let heard) = lifeline.next() else { throw TestFailure("not heard") }
        #expect(heard.part == part && heard.shard == .max && text(heard.anchor) == "anchor")
        heard.close()
        #expect(lifeline.next() == .release(part))
        #expect(!part.line.contains("\n"))
    }

    @Test(arguments: [
        "absorb 1 1", "absorb 1", "absorb 65536 1", "absorb 1 x", "absorb 1 1 1", "absorb 1 1 1 1", "release 1",
        "release 1 4294967296", "release 1 1 1", "unheard of",
    ])
    func whatIsNotWholeIsNotHeard(line: String) throws {
        let pair = try SocketPair()
        var lifeline = Lifeline(descriptor: pair.ours)
        write(pair.theirs, line + "\ngo\n", line.utf8.count + 4)
        let news = lifeline.next()
        #expect(news == .word(.go))
    }

    @Test func theAnswersNameTheShardAndItsProcess() throws {
        let pair = try SocketPair()
        let lifeline = Lifeline(descriptor: pair.ours)
        lifeline.say(.absorption(.init(shard: 7, incarnation: 3, part: 0, isDone: true)))
        lifeline.say(.absorption(.init(shard: 7, incarnation: 3, part: 2, isDone: true)))
        lifeline.say(.absorption(.init(shard: 0, incarnation: 5, part: 0, isDone: false)))
        #expect(text(pair.theirs) == "absorbed 7 3\nabsorbed 7 3 2\ncannot absorb 0 5\n")
    }
}
