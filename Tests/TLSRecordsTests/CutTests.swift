import TestSupport
import Testing

@testable import TLSRecords

/// A process that seals and is killed, again and again, with OpenSSL on the other side of its connection.
///
/// What a shard and its worker do is done here in small: inputs are logged, decided, sealed; the mark is stored; some
/// of the bytes are written. A kill keeps the log, the snapshot, the stored mark and what the kernel took. The
/// successor replays.
struct CutTests {
    /// What one connection's process decides: a function of what has come.
    private struct Process {
        var endpoint: Endpoint
        /// Is in every answer; a replay that goes another way has another one.
        var salt: UInt8 = 0
        /// Ciphertext from `origin` on: where the kernel was when the snapshot was written.
        var stream: [UInt8] = []
        var origin = 0

        var end: Int { origin + stream.count }

        func bytes(_ range: Range<Int>) -> ArraySlice<UInt8> {
            stream[(range.lowerBound - origin)..<(range.upperBound - origin)]
        }

        mutating func take(_ chunk: [UInt8]) throws {
            try endpoint.receive(chunk)
            for byte in endpoint.received { stream += endpoint.seal(Process.answer(byte, salt)) }
            endpoint.received = []
        }

        /// As long for one salt as for another: only the content tells them apart.
        static func answer(_ byte: UInt8, _ salt: UInt8) -> [UInt8] {
            [byte, salt] + [UInt8](repeating: byte, count: Int(byte) % 40)
        }
    }

    /// What is left of a killed process.
    private struct Remains {
        var snapshot: Process
        var log: [[UInt8]] = []
        var mark: UInt64 = 0
        /// Bytes that the kernel took.
        var written = 0
    }

    /// All records that left, by key and number. A second content for one of them would break the cipher.
    private struct Observer {
        var seen: [[UInt8]: [UInt8]] = [:]
        var repeated = 0

        mutating func observe(_ record: [UInt8], _ keys: TrafficKeys) {
            let name = (0..<32).map { keys.key[$0] } + (0..<12).map { keys.nonce[$0] }
            if let former = seen[name], former != record { repeated += 1 }
            seen[name] = record
        }
    }

    /// For each suite and role.
    private static let kills = 2_000

    /// Feeds what leaves to OpenSSL and, record by record, to the observer, in the order of the stream.
    private final class Line {
        let other: OpenSSLPeer
        /// Follows the keys that our side seals with.
        var reader: Endpoint
        var observer = Observer()
        var rest: [UInt8] = []
        var got: [UInt8] = []

        init(_ other: OpenSSLPeer, reader: Endpoint) {
            self.other = other
            self.reader = reader
        }

        func carry(_ bytes: [UInt8]) throws {
            other.feed(bytes)
            let (more, end) = other.readAll()
            #expect(end == .wantsMore)
            got += more
            rest += bytes
            while rest.count >= 5, rest.count >= 5 + Int(rest[3]) << 8 + Int(rest[4]) {
                let record = Array(rest.prefix(5 + Int(rest[3]) << 8 + Int(rest[4])))
                rest.removeFirst(record.count)
                observer.observe(record, reader.state.reading)
                try reader.receive(record)
                reader.received = []
            }
        }
    }

    @Test(arguments: CipherSuite.allCases, [RecordState.Role.client, .server])
    func noKillChangesAByteOrRepeatsANonce(suite: CipherSuite, role: RecordState.Role) throws {
        var random = SeededGenerator(seed: UInt64(suite.rawValue) << 1 | UInt64(role.rawValue))
        let (own, other) = try OpenSSLPeer.cut(role, suite)
        var opposite = own
        (opposite.state.reading, opposite.state.writing) = (own.state.writing, own.state.reading)
        let line = Line(other, reader: opposite)
        var process = Process(endpoint: own)
        var remains = Remains(snapshot: process)
        var sent: [UInt8] = []
        for _ in 0..<CutTests.kills {
            // One to three turns, the last of which ends in a kill.
            for turn in 0...Int.random(in: 0...2, using: &random) {
                let choice = Int.random(in: 0..<8, using: &random)
                if choice < 2 { other.updateKey(requested: choice == 0) }
                let message = random.bytes(Int.random(in: 1...3, using: &random))
                sent += message
                other.write(message)
                let bytes = other.take()
                // Cut anywhere: each piece is an input.
                let middle = Int.random(in: 0...bytes.count, using: &random)
                for chunk in [Array(bytes[..<middle]), Array(bytes[middle...])] where !chunk.isEmpty {
                    // Killed behind the commit: it is decided again.
                    remains.log.append(chunk)
                    try process.take(chunk)
                }
                // Killed before the mark is stored: none of these bytes has left.
                if turn > 0, Bool.random(using: &random) { break }
                remains.mark = process.endpoint.state.mark
                // Killed in the middle of a write.
                let end = Int.random(in: remains.written...process.end, using: &random)
                try line.carry(Array(process.bytes(remains.written..<end)))
                remains.written = end
            }
            // The successor.
            var successor = remains.snapshot
            try successor.endpoint.pass()
            var isProven = successor.endpoint.state.mark == remains.mark
            for chunk in remains.log {
                try successor.take(chunk)
                isProven = isProven || successor.endpoint.state.mark == remains.mark
            }
            #expect(isProven)
            let written = successor.origin..<remains.written
            #expect(successor.bytes(written) == process.bytes(written))
            process = successor
            if Bool.random(using: &random) {
                // The bytes that the kernel lacks are in the snapshot; they are what the mark covers.
                process.stream.removeFirst(remains.written - process.origin)
                process.origin = remains.written
                remains.snapshot = process
                remains.log = []
                remains.mark = process.endpoint.state.mark
            }
        }
        try line.carry(Array(process.bytes(remains.written..<process.end)))
        #expect(line.got == sent.flatMap { Process.answer($0, 0) })
        #expect(line.observer.repeated == 0)
        #expect(line.observer.seen.count > CutTests.kills)
    }

    /// A replay that decides something else is noticed whenever a record that differs may have left.
    @Test(arguments: CipherSuite.allCases)
    func aReplayThatGoesAnotherWayIsNoticedBeforeItRepeatsANonce(suite: CipherSuite) throws {
        var random = SeededGenerator(seed: UInt64(suite.rawValue))
        var (noticed, continued, unguarded) = (0, 0, 0)
        for _ in 0..<400 {
            var (client, server) = Endpoint.pair(suite)
            var process = Process(endpoint: server)
            let snapshot = process
            let log = (0..<6).map { _ in client.seal(random.bytes(1)) }
            let marked = Int.random(in: 0...log.count, using: &random)
            var mark: UInt64 = 0
            var written: [UInt8] = []
            for (number, chunk) in log.enumerated() {
                if number == marked { (mark, written) = (process.endpoint.state.mark, process.stream) }
                try process.take(chunk)
            }
            if marked == log.count { (mark, written) = (process.endpoint.state.mark, process.stream) }
            // What has left is any part of what the mark covers.
            written.removeLast(Int.random(in: 0...written.count, using: &random))

            var successor = snapshot
            let strays = Int.random(in: 0..<log.count, using: &random)
            var isProven = mark == 0
            for (number, chunk) in log.enumerated() {
                if number == strays { successor.salt = 1 }
                try successor.take(chunk)
                isProven = isProven || successor.endpoint.state.mark == mark
            }
            #expect(successor.stream.count == process.stream.count)
            #expect(isProven == (strays >= marked))
            let isHarmful = !successor.stream.starts(with: written)
            if isProven {
                #expect(!isHarmful)
                continued += 1
            } else {
                noticed += 1
                if isHarmful { unguarded += 1 }
            }
        }
        #expect(noticed > 50 && continued > 50 && unguarded > 50)
    }
}
