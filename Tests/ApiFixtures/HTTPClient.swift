internal import Glibc
internal import Testing

/// Speaks HTTP in raw bytes, right or wrong, over loopback.
package struct HTTPClient {
    package struct Reply {
        package var head: String
        package var body: [UInt8]

        package var status: Int { Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0 }
        package var text: String { String(decoding: body, as: UTF8.self) }

        package func header(_ name: String) -> String? {
            for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix(name.lowercased() + ":") {
                return line.drop { $0 != ":" }.dropFirst().drop { $0 == " " }.description
            }
            return nil
        }
    }

    package var host = "127.0.0.1"
    package let port: UInt16
    /// The IPv4 address to come from; nil = what the system takes.
    package var source: String?

    package init(host: String = "127.0.0.1", port: UInt16) {
        self.host = host
        self.port = port
    }

    package func get(_ path: String, headers: String = "") throws -> Reply { try send("GET", path, headers: headers) }

    package func send(_ method: String, _ path: String, headers: String = "", body: String = "") throws -> Reply {
        let length = body.isEmpty ? "" : "Content-Length: \(body.utf8.count)\r\n"
        let connection = try Connection(self)
        connection.write("\(method) \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(length)\(headers)\r\n\(body)")
        return try #require(connection.reply(hasBody: method != "HEAD"))
    }

    /// One TCP connection.
    package final class Connection {
        package let descriptor: Int32
        private var pending: [UInt8] = []

        package init(_ client: HTTPClient) throws {
            let isIPv6 = client.host.contains(":")
            descriptor = socket(
                isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            var limit = timeval(tv_sec: 10, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            let result: Int32
            if isIPv6 {
                var address = sockaddr_in6()
                address.sin6_family = sa_family_t(AF_INET6)
                address.sin6_port = client.port.bigEndian
                inet_pton(AF_INET6, client.host, &address.sin6_addr)
                result = Connection.call(Glibc.connect, descriptor, &address)
            } else {
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                if let source = client.source {
                    inet_pton(AF_INET, source, &address.sin_addr)
                    _ = Connection.call(bind, descriptor, &address)
                }
                address.sin_port = client.port.bigEndian
                inet_pton(AF_INET, client.host, &address.sin_addr)
                result = Connection.call(Glibc.connect, descriptor, &address)
            }
            guard result == 0 else {
                close(descriptor)
                throw ConnectFailure(code: errno)
            }
        }

        deinit { close(descriptor) }

        package func write(_ text: String) { write(Array(text.utf8)) }

        /// As much as the server takes.
        package func write(_ bytes: [UInt8]) {
            var sent = 0
            while sent < bytes.count {
                let count = bytes.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return }
                sent += count
            }
        }

        /// The next answer; nil when the server closes (or says nothing for ten seconds) before it is whole.
        package func reply(hasBody: Bool = true) -> Reply? {
            let end = Array("\r\n\r\n".utf8)
            while pending.firstRange(of: end) == nil { guard fill() else { return nil } }
            let split = pending.firstRange(of: end)!
            var reply = Reply(head: String(decoding: pending[..<split.lowerBound], as: UTF8.self), body: [])
            pending.removeSubrange(..<split.upperBound)
            let length = hasBody ? Int(reply.header("Content-Length") ?? "0") ?? 0 : 0
            while pending.count < length { guard fill() else { return nil } }
            reply.body = Array(pending.prefix(length))
            pending.removeFirst(length)
            return reply
        }

        /// Everything that has come until `text` has; nil when it does not, within ten seconds, or the server closes.
        package func read(until text: String) -> String? {
            let text = Array(text.utf8)
            while pending.firstRange(of: text) == nil { guard fill() else { return nil } }
            let end = pending.firstRange(of: text)!.upperBound
            defer { pending.removeSubrange(..<end) }
            return String(decoding: pending[..<end], as: UTF8.self)
        }

        /// Reads until the server closes; false when it is still open after ten seconds.
        package func isClosedByServer() -> Bool {
            while fill() {}
            return errno != EAGAIN
        }

        private func fill() -> Bool {
            errno = 0
            let piece = [UInt8](unsafeUninitializedCapacity: 1 << 20) { buffer, count in
                count = max(0, Glibc.read(descriptor, buffer.baseAddress, buffer.count))
            }
            pending += piece
            return !piece.isEmpty
        }

        private static func call<Address>(
            _ function: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32, _ descriptor: Int32,
            _ address: inout Address
        ) -> Int32 {
            withUnsafePointer(to: &address) {
                function(
                    descriptor, UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self),
                    socklen_t(MemoryLayout<Address>.size))
            }
        }
    }

    package struct ConnectFailure: Error {
        package var code: Int32
    }
}
