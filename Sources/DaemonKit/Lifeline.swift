internal import Glibc

/// A child's end of the socket pair that ties it to its supervisor.
///
/// Upward the child writes one line per piece of news: `ready` once it serves, `beat` about once a second from its
/// main loop, and with it a shard its `ShardLoad`. Downward the supervisor gives a shard its `ShardTask`s, one line each, and nothing
/// else; it closes its end, by will or by dying, and the child leaves in good order. (SIGTERM means the same.)
public struct Lifeline: ~Copyable {
    /// Where every child finds it.
    public static let inheritedDescriptor: Int32 = 3

    public enum News: Equatable, Sendable {
        case task(ShardTask)
        /// The supervisor has let go.
        case cut
    }

    /// To be watched for readability; then ask `isCut`, or `next` until it answers nil.
    public let descriptor: Int32
    private var unread: [UInt8] = []
    /// Words are short; more without a newline is nonsense, and is forgotten.
    private static let wordBytesMax = 64

    public init(descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }

    /// Says that this process serves: after everything is bound and connected, never before.
    public func sayReady() { say("ready\n") }

    /// Says that the main loop still turns.
    public func sayBeat() { say("beat\n") }

    /// Says what a shard has to do just now.
    public func say(_ load: ShardLoad) {
        let line = Array((load.line + "\n").utf8)
        _ = send(descriptor, line, line.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
    }

    /// The next that the supervisor has said; nil when there is nothing (more) now.
    public mutating func next() -> News? {
        while true {
            while let end = unread.firstIndex(of: 0x0a) {
                let task = ShardTask(line: String(decoding: unread[..<end], as: UTF8.self))
                unread.removeSubrange(...end)
                if let task { return .task(task) }
            }
            if unread.count > Lifeline.wordBytesMax { unread.removeAll() }
            var chunk: (UInt64, UInt64) = (0, 0)
            let count = read(descriptor, &chunk, MemoryLayout.size(ofValue: chunk))
            if count == 0 { return .cut }
            if count < 0 { return errno == EAGAIN || errno == EINTR ? nil : .cut }
            withUnsafeBytes(of: chunk) { unread += $0.prefix(count) }
        }
    }

    /// True when the supervisor has let go; for children that have no tasks. Call it when the descriptor is readable.
    public func isCut() -> Bool {
        var scrap: (UInt64, UInt64) = (0, 0)
        while true {
            let count = read(descriptor, &scrap, 16)
            if count == 0 { return true }
            if count < 0 { return errno != EAGAIN && errno != EINTR }
        }
    }

    private func say(_ line: StaticString) {
        // A supervisor that does not read loses beats, which is what beats are for; MSG_NOSIGNAL because it may be gone.
        _ = send(descriptor, line.utf8Start, line.utf8CodeUnitCount, Int32(MSG_NOSIGNAL))
    }
}
