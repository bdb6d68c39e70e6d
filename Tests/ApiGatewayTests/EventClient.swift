import ApiFixtures
import Foundation
import Glibc
import TestSupport

/// A client of `/1/events` over a real connection.
final class EventClient {
    private let connection: HTTPClient.Connection
    private var raw: [UInt8] = []
    private(set) var head = ""
    private(set) var reading = EventReading()

    init(_ client: HTTPClient, _ query: String = "", lastID: String? = nil, headers: String = "") throws {
        connection = try HTTPClient.Connection(client)
        let resume = lastID.map { "Last-Event-ID: \($0)\r\n" } ?? ""
        connection.write("GET /1/events\(query) HTTP/1.1\r\nHost: x\r\n\(resume)\(headers)\r\n")
    }

    var told: [EventReading.Event] { reading.told }
    /// "42" of the ids of all shares.
    var shareNumbers: [Int] {
        told.filter { $0.name == "share" }.compactMap { $0.id?.split(separator: "-").last.flatMap { Int($0) } }
    }

    /// Reads until the condition holds; false when it does not within the time, or the server closes.
    func read(seconds: Double = 10, until isDone: (EventClient) -> Bool) -> Bool {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while !isDone(self) {
            var polled = pollfd(fd: connection.descriptor, events: Int16(POLLIN), revents: 0)
            let left = deadline.timeIntervalSinceNow
            guard left > 0 else { return false }
            guard poll(&polled, 1, Int32(left * 1_000) + 1) > 0 else { return false }
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            let count = Glibc.read(connection.descriptor, &buffer, buffer.count)
            guard count > 0 else { return false }
            raw += buffer[..<count]
            decode()
        }
        return true
    }

    /// Until the server ends the stream.
    func isClosedByServer() -> Bool {
        !read(until: { _ in false })
    }

    private func decode() {
        let lineEnd = Array("\r\n".utf8)
        if head.isEmpty {
            guard let end = raw.firstRange(of: Array("\r\n\r\n".utf8)) else { return }
            head = String(decoding: raw[..<end.lowerBound], as: UTF8.self)
            raw.removeSubrange(..<end.upperBound)
        }
        // Chunks: a length in hexadecimal, the bytes, each with an end of line.
        while let end = raw.firstRange(of: lineEnd),
            let length = Int(String(decoding: raw[..<end.lowerBound], as: UTF8.self), radix: 16),
            raw.count >= end.upperBound + length + 2
        {
            reading.append(String(decoding: raw[end.upperBound..<end.upperBound + length], as: UTF8.self))
            raw.removeSubrange(..<(end.upperBound + length + 2))
        }
    }
}
