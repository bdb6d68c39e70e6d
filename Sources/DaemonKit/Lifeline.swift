internal import Glibc

/// A child's end of the socket pair that ties it to its supervisor.
///
/// Upward the child writes one line per piece of news: `ready` once it serves, `beat` about once a second from its
/// main loop, and with it a shard its `ShardLoad`; besides, what belongs to a hand-over. Downward the supervisor gives a shard its
/// `ShardTask`s and writes `Word`s to one that hands over or takes over, one line each, and nothing else; it closes its end, by will
/// or by dying, and the child leaves in good order. (SIGTERM means the same.)
public struct Lifeline: ~Copyable {
    /// Where every child finds it.
    public static let inheritedDescriptor: Int32 = 3

    /// What the supervisor says, one line each; a newer one may have more to say.
    public enum Word: String, Sendable {
        /// Stand still, write your state down, say `froze`, and wait for `resume` or `leave`.
        case freeze
        /// Go on as if nothing had been.
        case resume
        /// Your successor has everything.
        case leave
        /// Read what your predecessor, which stands still, has left; touch nothing; say `adopted`.
        case adopt
        /// Your predecessor is gone: go on where it stopped.
        case go
    }

    public enum News: Equatable, Sendable {
        case word(Word)
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

    /// A successor says that it stands and waits.
    public func sayPrepared() { say("prepared\n") }

    /// A process that was asked to freeze stands still, its state written down.
    public func sayFroze() { say("froze\n") }

    /// It stands still, but has no place to write its state to.
    public func sayCannotFreeze() { say("cannot freeze\n") }

    /// A successor has state and connections, and has touched neither.
    public func sayAdopted() { say("adopted\n") }

    /// True when the supervisor has let go. Call it when the descriptor is readable; for children that wait for no words.
    public mutating func isCut() -> Bool {
        while let news = next() {
            if news == .cut { return true }
        }
        return false
    }

    /// The next that the supervisor has said; nil when there is nothing (more) now.
    public mutating func next() -> News? {
        while true {
            while let end = unread.firstIndex(of: 0x0a) {
                let line = String(decoding: unread[..<end], as: UTF8.self)
                unread.removeSubrange(...end)
                if let word = Word(rawValue: line) { return .word(word) }
                if let task = ShardTask(line: line) { return .task(task) }
            }
            if unread.count > Lifeline.wordBytesMax { unread.removeAll() }
            var chunk: (UInt64, UInt64) = (0, 0)
            let count = read(descriptor, &chunk, MemoryLayout.size(ofValue: chunk))
            if count == 0 { return .cut }
            if count < 0 { return errno == EAGAIN || errno == EINTR ? nil : .cut }
            withUnsafeBytes(of: chunk) { unread += $0.prefix(count) }
        }
    }

    /// Stands still until the supervisor has said something.
    public mutating func wait() -> News {
        while true {
            if let news = next() { return news }
            var interest = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&interest, 1, -1)
        }
    }

    private func say(_ line: StaticString) {
        // A supervisor that does not read loses beats, which is what beats are for; MSG_NOSIGNAL because it may be gone.
        _ = send(descriptor, line.utf8Start, line.utf8CodeUnitCount, Int32(MSG_NOSIGNAL))
    }
}
