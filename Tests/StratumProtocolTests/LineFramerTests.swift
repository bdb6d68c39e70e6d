import TestSupport
import Testing

@testable import StratumProtocol

struct LineFramerTests {
    /// Feeds `text` in chunks of `size` bytes.
    private func lines(_ text: String, chunk size: Int, limit: Int = 64) throws -> [String] {
        var framer = LineFramer(lineBytesMax: limit)
        var lines: [String] = []
        for chunk in Array(text.utf8).pieces(of: size) {
            try framer.feed(chunk.span) { line in
                lines.append(String(decoding: [UInt8](copying: line), as: UTF8.self))
                return true
            }
        }
        return lines
    }

    @Test(arguments: 1...40)
    func howTheNetworkCutsTheBytesDoesNotMatter(chunk: Int) throws {
        let text = "one\ntwo and more\n\n\nthree\r\nan unfinished tail"
        #expect(try lines(text, chunk: chunk) == ["one", "two and more", "", "", "three\r"])
    }

    @Test(arguments: [1, 3, 64, 200])
    func aLineOfExactlyTheLimitPassesAndOneByteMoreDoesNot(chunk: Int) throws {
        let longest = String(repeating: "x", count: 64)
        #expect(try lines(longest + "\n", chunk: chunk) == [longest])
        #expect(throws: PeerFault.lineTooLong(limit: 64)) { try lines(longest + "x\n", chunk: chunk) }
    }

    @Test func anUnfinishedLineMayBeAsLongAsAWholeOne() throws {
        let longest = String(repeating: "x", count: 64)
        #expect(try lines(longest, chunk: 100) == [])
        #expect(throws: PeerFault.lineTooLong(limit: 64)) { try lines(longest + "x", chunk: 100) }
    }

    @Test(arguments: [1, 7, 4_096])
    func aLineThatNeverEndsIsRefusedAtTheLimit(chunk: Int) throws {
        #expect(throws: PeerFault.lineTooLong(limit: 64)) {
            try lines(String(repeating: "x", count: 4_096), chunk: chunk)
        }
    }

    @Test func whoeverStopsHearsNothingMoreOfTheChunk() throws {
        var framer = LineFramer(lineBytesMax: 64)
        var heard = 0
        let chunk = Array("a\nb\nc\nrest".utf8)
        try framer.feed(chunk.span) { _ in
            heard += 1
            return heard < 2
        }
        #expect(heard == 2)
        #expect(framer.partialCount == 0)
    }

    @Test func stoppingAtALineThatBeganInAnEarlierChunkKeepsNothingEither() throws {
        var framer = LineFramer(lineBytesMax: 64)
        let first = Array("beg".utf8)
        let second = Array("in\nrest".utf8)
        try framer.feed(first.span) { _ in true }
        #expect(framer.partialCount == 3)
        try framer.feed(second.span) { _ in false }
        #expect(framer.partialCount == 0)
    }

    @Test func anIdleConnectionKeepsNothing() throws {
        var framer = LineFramer(lineBytesMax: 64)
        let chunk = Array("complete\n".utf8)
        try framer.feed(chunk.span) { _ in true }
        #expect(framer.partialCount == 0)
    }

    /// Those that differ from a newline in the lowest or the highest bit, and what is next to it, are none.
    @Test(arguments: [UInt8](0...255))
    func theFirstNewlineIsFoundWhateverStandsAroundIt(filler: UInt8) {
        for count in 1...24 {
            for place in 0..<count {
                var bytes = [UInt8](repeating: filler == 0x0a ? 0x0b : filler, count: count)
                #expect(bytes.span.index(of: 0x0a, from: 0) == nil)
                bytes[place] = 0x0a
                for start in 0...place { #expect(bytes.span.index(of: 0x0a, from: start) == place) }
                #expect(bytes.span.index(of: 0x0a, from: place + 1) == nil)
            }
        }
    }
}
