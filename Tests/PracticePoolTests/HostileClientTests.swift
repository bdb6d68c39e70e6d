import StratumProtocol
import TestSupport
import Testing

@testable import PracticePool

struct HostileClientTests {
    /// Whatever a client says, the pool answers, or names the fault; it never stops.
    @Test func noLineStopsAPool() {
        var steps = SeededGenerator(seed: 77)
        let parser = JSONParser()
        var history = JobHistory()
        history.makeJob(using: &steps)
        var rules = PoolRules()
        let good = Array(
            #"{"id":9,"method":"submit","params":{"id":"0011223344556677","job_id":"0000000100000007","nonce":"01000000"}}"#
                .utf8)
        for round in 0..<5_000 {
            var session = PoolSession(id: 0x0011_2233_4455_6677, client: 7, nonceByte: nil)
            var output: [UInt8] = []
            var line = round.isMultiple(of: 3) ? [UInt8](repeating: 0x5b, count: round) : good
            for _ in 0..<4 where !line.isEmpty {
                line[Int(steps.next() % UInt64(line.count))] = UInt8(truncatingIfNeeded: steps.next())
            }
            do throws(ClientFault) {
                let login = Array(#"{"id":1,"method":"login","params":{"login":"w"}}"#.utf8)
                for line in [login, line] {
                    _ = try session.receive(
                        line.span, parser: parser, history: history, rules: &rules, using: &steps, output: &output)
                }
                #expect(output.last == 0x0a)
            } catch {
                #expect(ClientFault.allCases.contains(error))
            }
        }
    }
}
