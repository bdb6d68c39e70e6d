import Testing

@testable import Telemetry

struct ClosedConnectionsTests {
    private func read(_ numbers: [UInt64], reasons: Int) throws -> ClosedConnections {
        var writer = ByteWriter()
        for number in numbers { writer.integer(number) }
        var reader = ByteReader(writer.bytes)
        let read = try ClosedConnections(from: &reader, reasons: reasons)
        try reader.finish()
        return read
    }

    @Test func eachReasonHasItsOwnCounterAndName() {
        var closed = ClosedConnections()
        #expect(closed.isEmpty)
        for reason in ClosedConnections.Reason.allCases {
            for _ in 0...reason.rawValue { closed.count(reason) }
        }
        #expect(ClosedConnections.Reason.allCases.map { closed[$0] } == (1...15).map { UInt64($0) })
        #expect(Set(ClosedConnections.Reason.allCases.map(\.name)).count == 15)
    }

    /// The order on the wire is that of the cases: a new one goes to the end.
    @Test func aProgramThatKnowsMoreOrFewerReasonsIsRead() throws {
        #expect(try read([], reasons: 0).isEmpty)
        let older = try read([7, 8], reasons: 2)
        #expect(older[.loginTimeout] == 7 && older[.idleTimeout] == 8 && older[.noRoom] == 0)
        let newer = try read((1...20).map { UInt64($0) }, reasons: 20)
        #expect(newer[.loginTimeout] == 1 && newer[.noRoom] == 14)
        #expect(throws: DecodingFailure.truncated) { _ = try read([1, 2], reasons: 3) }
    }
}
