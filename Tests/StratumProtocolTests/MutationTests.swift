import TestSupport
import Testing

@testable import StratumProtocol

/// Random damage to valid messages never traps, and is either read or refused with a typed fault.
struct MutationTests {
    private static let fragments = [
        "null", "{}", "[]", "\"\"", "-0", "1e400", "18446744073709551616", "\\u0000", "\\ud800", "\"", "{", "}", "[",
        "]", ",", ":", "\u{0}", "true", "\"id\":", "\"params\":", String(repeating: "[", count: 40),
        String(repeating: "9", count: 200),
    ].map { Array($0.utf8) }

    private func damage(_ line: [UInt8], _ all: [[UInt8]], _ dice: inout SeededGenerator) -> [UInt8] {
        var line = line
        for _ in 0..<Int.random(in: 1...4, using: &dice) {
            let at = Int.random(in: 0...line.count, using: &dice)
            switch Int.random(in: 0..<5, using: &dice) {
            case 0: if at < line.count { line[at] = UInt8.random(in: 0...255, using: &dice) }
            case 1: line.insert(contentsOf: Self.fragments.randomElement(using: &dice)!, at: at)
            case 2: line.removeSubrange(at..<Int.random(in: at...line.count, using: &dice))
            case 3: line = Array(line[..<at])
            default:
                let other = all.randomElement(using: &dice)!
                line = Array(line[..<at] + other[Int.random(in: 0...other.count, using: &dice)...])
            }
        }
        return line
    }

    @Test(arguments: [UInt64(1), 2, 3, 4, 5])
    func damagedMessagesAreReadOrRefused(seed: UInt64) throws {
        let parser = JSONParser()
        let examples = try Golden.names.map { try Golden.line($0) }
        var dice = SeededGenerator(seed: seed)
        var (read, refused) = (0, 0)
        for _ in 0..<10_000 {
            let line = damage(examples.randomElement(using: &dice)!, examples, &dice)
            do throws(PeerFault) {
                _ = try parser.minerRequest(line.span)
                read += 1
            } catch {
                refused += 1
            }
            let message = try? parser.poolMessage(line.span, loginID: dice.next() % 2 == 0 ? 1 : nil, assumed: .init())
            if case .job(let job) = message { try checkLine(of: job) }
        }
        // Damage of both kinds must occur, else the test has tested nothing.
        #expect(read > 100)
        #expect(refused > 500)
    }

    /// A job that was accepted can be handed to miners, and is a job again.
    private func checkLine(of job: Job) throws {
        var line: [UInt8] = []
        MinerReply.job(JobLine(job), for: JobShare(nonceByte: 0xa5, customDifficulty: 777), to: &line)
        let again = try? JSONParser().poolMessage(line.span, loginID: nil, assumed: job.algorithm)
        guard case .job(let again) = again else {
            throw TestFailure("not a job any more: \(String(decoding: line, as: UTF8.self))")
        }
        #expect(again.nonceByte == 0xa5)
        #expect(again.id == job.id)
    }
}
