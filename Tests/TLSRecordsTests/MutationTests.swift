import TestSupport
import Testing

@testable import TLSRecords

#if canImport(Glibc)
    import Glibc
#endif

/// Streams of records that were changed on their way: none is accepted as something else.
struct MutationTests {
    /// Environment variable: how many records of each suite to try.
    private static var count: Int {
        getenv("MILLRACE_MUTATED_RECORDS").flatMap { Int(String(cString: $0)) }.map { $0 / 3 } ?? 340_000
    }

    /// Kinds of changes to one of two records.
    private static let changes = 11

    @Test(arguments: CipherSuite.allCases)
    func noChangedRecordIsAccepted(suite: CipherSuite) throws {
        var random = SeededGenerator(seed: UInt64(suite.rawValue))
        var (client, server) = Endpoint.pair(suite)
        // Records of all kinds; the state before each of them; what had come by then.
        var records: [[UInt8]] = []
        var states: [Endpoint] = []
        for text in ["{\"id\":1,\"method\":\"login\"}\n", "x", "", "share\n", "", "last\n"] {
            records.append(text.isEmpty ? client.forgeKeyUpdate(requested: true) : client.seal(text))
        }
        records.append(client.seal(alert: .closeNotify))
        for record in records {
            states.append(server)
            try server.receive(record)
        }
        let expected = server.received
        #expect(expected.count == 38 && server.ended == .closeNotify)
        let pairs = records.indices.dropLast().map { records[$0] + records[$0 + 1] }

        var (refused, waiting) = (0, 0)
        var accepted: [[UInt8]] = []
        for _ in 0..<MutationTests.count {
            let first = random.below(pairs.count)
            var pair = [records[first], records[first + 1]]
            change(&pair, at: random.below(2), using: &random)
            let bytes = pair.count == 2 ? pair[0] + pair[1] : pair[0] + pair[1] + pair[2]
            guard bytes != pairs[first] else { continue }
            var side = states[first]
            let fault = side.fault(of: bytes, chunk: random.below(8) == 0 ? 20 : .max)
            // Bytes behind the end of the stream are not read.
            let isEndGenuine = side.ended == nil || bytes.starts(with: pairs[first])
            if !expected.starts(with: side.received) || !isEndGenuine { accepted.append(bytes) }
            if fault == nil { waiting += 1 } else { refused += 1 }
        }
        #expect(accepted.first == nil)
        #expect(refused > MutationTests.count / 2 && waiting > 0)
    }

    private func change(_ pair: inout [[UInt8]], at target: Int, using random: inout SeededGenerator) {
        let count = pair[target].count
        let place = random.below(count)
        switch random.below(MutationTests.changes) {
        case 0: pair[target][place] ^= 1 << UInt8(random.below(8))
        case 1: pair[target][place] = random.byte
        case 2: for place in place..<min(place + 16, count) { pair[target][place] = random.byte }
        case 3: pair[target].removeLast(count - place)
        case 4: pair[target].insert(random.byte, at: place)
        case 5: pair[target].remove(at: place)
        case 6: pair.insert(pair[target], at: target)
        case 7: pair.swapAt(0, 1)
        case 8: pair[target][random.below(5)] = random.byte
        case 9:
            // The head fits the bytes again.
            pair[target].removeLast(min(count - 5, 1 + random.below(20)))
            pair[target][3] = 0
            pair[target][4] = UInt8(pair[target].count - 5)
        default: for place in (count - 16)..<count { pair[target][place] = random.byte }
        }
    }
}

extension SeededGenerator {
    fileprivate mutating func below(_ limit: Int) -> Int { Int(truncatingIfNeeded: next() >> 33) % limit }
    fileprivate var byte: UInt8 { mutating get { UInt8(truncatingIfNeeded: next()) } }
}
