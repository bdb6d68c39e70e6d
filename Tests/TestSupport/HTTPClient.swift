import Glibc

/// Speaks HTTP in raw bytes, right or wrong, over loopback.
public struct HTTPClient: Sendable {
    public struct Reply {
        public var head: String
        public var body: [UInt8]

        public var status: Int { Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0 }
        public var text: String { String(decoding: body, as: UTF8.self) }

        public func header(_ name: String) -> String? {
            for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix(name.lowercased() + ":") {
                return line.drop { $0 != ":" }.dropFirst().drop { $0 == " " }.description
            }
            return nil
        }
    }

    public var host = "127.0.0.1"
    public let port: UInt16
    /// The IPv4 address to come from; nil = what the system takes.
    public var source: String?

    public init(host: String = "127.0.0.1", port: UInt16) {
        self.host = host
        self.port = port
    }

    public func get(_ path: String, headers: String = "") throws -> Reply { try send("GET", path, headers: headers) }

    public func send(_ method: String, _ path: String, headers: String = "", body: String = "") throws -> Reply {
        let length = body.isEmpty ? "" : "Content-Length: \(body.utf8.count)\r\n"
        let connection = try Connection(self)
        connection.write("\(method) \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(length)\(headers)\r\n\(body)")
        guard let reply = connection.reply(hasBody: method != "HEAD") else {
            throw TestFailure("no reply to \(method) \(path)")
        }
        return reply
    }

    /// Takes the next answer from the bytes that have come.
    /// - Parameter fill: appends what comes next; nothing = there is no more.
    /// - Returns: nil when there is no more before the answer is whole.
    public static func takeReply(
        of pending: inout [UInt8], hasBody: Bool = true, fill: (inout [UInt8]) -> Void
    ) -> Reply? {
        func hasMore() -> Bool {
            let count = pending.count
            fill(&pending)
            return pending.count > count
        }
        let end = Array("\r\n\r\n".utf8)
        while pending.firstRange(of: end) == nil { guard hasMore() else { return nil } }
        let split = pending.firstRange(of: end)!
        var reply = Reply(head: String(decoding: pending[..<split.lowerBound], as: UTF8.self), body: [])
        pending.removeSubrange(..<split.upperBound)
        let length = hasBody ? Int(reply.header("Content-Length") ?? "0") ?? 0 : 0
        while pending.count < length { guard hasMore() else { return nil } }
        reply.body = Array(pending.prefix(length))
        pending.removeFirst(length)
        return reply
    }

    /// One TCP connection.
    public final class Connection {
        public let descriptor: Int32
        private var pending: [UInt8] = []

        public init(_ client: HTTPClient) throws {
            let descriptor = Loopback.connected(to: client.port, at: client.host, from: client.source, seconds: 10)
            guard let descriptor else { throw TestFailure.system("connect to port \(client.port)") }
            self.descriptor = descriptor
        }

        deinit { close(descriptor) }

        public func write(_ text: String) { write(Array(text.utf8)) }

        /// As much as the server takes.
        public func write(_ bytes: [UInt8]) { Loopback.send(bytes, to: descriptor) }

        /// The next answer; nil when the server closes (or says nothing for ten seconds) before it is whole.
        public func reply(hasBody: Bool = true) -> Reply? {
            HTTPClient.takeReply(of: &pending, hasBody: hasBody) { $0 += receive() }
        }

        /// Everything that has come until `text` has; nil when it does not, within ten seconds, or the server closes.
        public func read(until text: String) -> String? {
            let text = Array(text.utf8)
            while pending.firstRange(of: text) == nil { guard fill() else { return nil } }
            let end = pending.firstRange(of: text)!.upperBound
            defer { pending.removeSubrange(..<end) }
            return String(decoding: pending[..<end], as: UTF8.self)
        }

        /// Reads until the server closes; false when it is still open after ten seconds.
        public func isClosedByServer() -> Bool {
            while fill() {}
            return errno != EAGAIN
        }

        private func fill() -> Bool {
            let piece = receive()
            pending += piece
            return !piece.isEmpty
        }

        /// What has come, or comes next; empty when the server closes, or says nothing for ten seconds.
        public func receive() -> [UInt8] {
            errno = 0
            return [UInt8](unsafeUninitializedCapacity: 1 << 20) { buffer, count in
                count = max(0, Glibc.read(descriptor, buffer.baseAddress, buffer.count))
            }
        }
    }
}
