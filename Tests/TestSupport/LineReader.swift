import Foundation

/// Collects the lines that come out of a descriptor, which it closes at the end.
public final class LineReader: @unchecked Sendable {
    private let lock = NSCondition()
    private var bytes: [UInt8] = []
    private var isAtEnd = false

    public init(_ descriptor: Int32) {
        Thread.detachNewThread { [self] in
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = read(descriptor, &buffer, buffer.count)
                lock.withLock {
                    if count > 0 { bytes += buffer[..<count] } else { isAtEnd = true }
                    lock.broadcast()
                }
                if count <= 0 { break }
            }
            close(descriptor)
        }
    }

    public var text: String { lock.withLock { String(decoding: bytes, as: UTF8.self) } }

    /// The first line with that in it; nil when none comes in time, or before the end.
    public func line(containing part: String, seconds: Double = 10) -> String? {
        let deadline = Date(timeIntervalSinceNow: seconds)
        return lock.withLock {
            while true {
                let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
                if let line = lines.first(where: { $0.contains(part) }) { return String(line) }
                if isAtEnd || !lock.wait(until: deadline) { return nil }
            }
        }
    }
}
