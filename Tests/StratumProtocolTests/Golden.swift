import Foundation
import StratumProtocol

/// The example messages of docs/PROTOCOL.md: one line each, one file each.
enum Golden {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")
    static let repository = folder.appending(path: "../../..").standardized

    static var names: [String] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: folder.path)
                .filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
        }
    }

    /// The message without its newline.
    static func line(_ name: String) throws -> [UInt8] {
        let bytes = [UInt8](try Data(contentsOf: folder.appending(path: name + ".json")))
        return [UInt8](bytes.dropLast())
    }

    static func text(_ name: String) throws -> String {
        String(decoding: try line(name) + [0x0a], as: UTF8.self)
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
