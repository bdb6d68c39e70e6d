import StratumProtocol
import TestSupport
import Testing

/// The example messages of docs/PROTOCOL.md: one line each, one file each.
enum Golden {
    private static let files = GoldenFiles("Tests/StratumProtocolTests/Golden")

    static var names: [String] {
        get throws { try files.names(withExtension: "json").map { String($0.dropLast(5)) }.sorted() }
    }

    /// The message without its newline.
    static func line(_ name: String) throws -> [UInt8] { try text(name).utf8.dropLast() }

    static func text(_ name: String) throws -> String { try files.text(name + ".json") }

    static func expect(_ text: String, equals name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        #expect(try text == files.expected(name + ".json", for: text), sourceLocation: sourceLocation)
    }
}

/// What a writer wrote.
func written(_ write: (inout [UInt8]) -> Void) -> String {
    var buffer: [UInt8] = []
    write(&buffer)
    return String(decoding: buffer, as: UTF8.self)
}

func name<let capacity: Int>(_ text: String, _: InlineBytes<capacity>.Type = InlineBytes<capacity>.self)
    -> InlineBytes<capacity>
{
    InlineBytes<capacity>(text)!
}

func name(_ text: String) -> OpaqueID { text.isEmpty ? OpaqueID() : OpaqueID(text)! }

func name(_ text: String) -> AlgorithmName { AlgorithmName(text)! }

extension JSONParser {
    func minerRequest(_ text: String) throws(PeerFault) -> MinerRequest {
        let line = Array(text.utf8)
        return try minerRequest(line.span)
    }

    func poolMessage(
        _ text: String, loginID: Int64? = nil, assumed: AlgorithmName = AlgorithmName()
    ) throws(PeerFault) -> PoolMessage {
        let line = Array(text.utf8)
        return try poolMessage(line.span, loginID: loginID, assumed: assumed)
    }
}

/// The job of the examples, by its number.
func exampleJob(_ message: String = "pool-job") throws -> Job {
    switch try JSONParser().poolMessage(try Golden.text(message), loginID: 1) {
    case .job(let job): return job
    case .loggedIn(let login): if let job = login.job { return job }
    case .accepted, .refused, .reconnect, .other: break
    }
    throw PeerFault.badField("example")
}

/// A hash whose last eight bytes, little endian, are `tail`.
func hash(tail: UInt64) -> InlineArray<32, UInt8> {
    var bytes = InlineArray<32, UInt8>(repeating: 0xab)
    for position in 0..<8 { bytes[24 + position] = UInt8(truncatingIfNeeded: tail >> UInt64(position * 8)) }
    return bytes
}
