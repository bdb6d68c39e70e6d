import ApiFixtures

@testable import ApiGateway

extension EventCursor {
    /// All there is to read now, through a buffer of this number of bytes.
    mutating func readAll(buffer size: Int = 4_096, at now: Int64 = 0) -> EventReading {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: size)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(into: $0, at: now) }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return EventReading(String(decoding: bytes, as: UTF8.self))
    }
}
