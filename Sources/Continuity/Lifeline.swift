internal import DaemonKit
internal import Glibc
internal import Linux

/// A child's end of the socket pair that ties it to its supervisor.
///
/// Upwards the child writes `ChildMessage`s, one line each: `ready` once it serves, `heartbeat` about once a second from its main
/// loop, and what belongs to a hand-over. Downwards the supervisor writes `SupervisorMessage`s. When the supervisor closes its
/// end, or exits, the child stops in good order. (SIGTERM means the same.)
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
        /// You stand still, and another shard has your miners and your pools: hand over your events, and leave.
        case absorbed
    }

    public enum SupervisorMessage: Equatable, Sendable {
        case word(Word)
        case task(ShardTask)
        /// Take this shard's miners and pools for your own, and reply with `answer(_:isDone:)`. Its descriptors
        /// are the hearer's to close.
        case absorb(MergeOffer)
        /// You stand still, and another shard has taken this part of you over: go on without it.
        case release(ShardPart)
        /// The supervisor has let go.
        case cut
    }

    /// To be watched for readability; then ask `isCut`, or `next` until it answers nil.
    public let descriptor: Int32
    private var unread: [UInt8] = []
    /// Descriptors that came with words that are not read yet.
    private var passed: [Int32] = []
    /// Makes a child open its log file again. `next` does it, so that every child that reads its lifeline does, whatever
    /// else it waits for; a child of an older version ignores the line.
    public static let reopenLog = "reopen log"
    /// Words are short; more without a newline is nonsense, and is forgotten.
    private static let wordBytesMax = 64

    public init(descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }

    /// Never waits: what a supervisor that does not read misses is said again (heartbeats) or ends in its time limits.
    public func say(_ message: ChildMessage) {
        let bytes = Array((message.line + "\n").utf8)
        // MSG_NOSIGNAL: the supervisor may be gone.
        _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
    }

    /// Says that the main loop runs, and before that what is degraded here: what a heartbeat does not name works.
    public func sayHeartbeat() {
        for text in Degradation.current { say(.degraded(text)) }
        say(.heartbeat)
    }

    /// Answers that this shard has absorbed that one, or the part of it, or that it has not touched it.
    public func answer(_ departing: MergeOffer, isDone: Bool) {
        say(
            .absorption(
                .init(
                    shard: departing.shard, incarnation: departing.incarnation, part: departing.part?.number ?? 0,
                    isDone: isDone)))
    }

    /// Refuses an offer that comes while nothing can be absorbed.
    public func refuse(_ departing: MergeOffer) {
        answer(departing, isDone: false)
        departing.close()
    }

    /// True when the supervisor has let go. Call it when the descriptor is readable; for children that wait for no words.
    public mutating func isCut() -> Bool {
        while let news = next() {
            if news == .cut { return true }
        }
        return false
    }

    /// The next that the supervisor has said; nil when there is nothing (more) now.
    public mutating func next() -> SupervisorMessage? {
        while true {
            while let end = unread.firstIndex(of: 0x0a) {
                let line = String(decoding: unread[..<end], as: UTF8.self)
                unread.removeSubrange(...end)
                if line == Lifeline.reopenLog {
                    LogOutput.reopen()
                    continue
                }
                if let word = Word(rawValue: line) { return .word(word) }
                if let task = ShardTask(line: line) { return .task(task) }
                if let part = ShardPart(line: line) { return .release(part) }
                if let shard = MergeOffer(line, passed) {
                    passed = []
                    return .absorb(shard)
                }
                forgetPassed()
            }
            if unread.count > Lifeline.wordBytesMax {
                unread.removeAll()
                forgetPassed()
            }
            // Byte for byte: descriptors come with the first byte of their word, and words are few.
            var byte: UInt8 = 0
            let count = receive(&byte)
            if count == 0 { return .cut }
            if count < 0 { return errno == EAGAIN || errno == EINTR ? nil : .cut }
            unread.append(byte)
        }
    }

    /// Stands still until the supervisor has said something.
    public mutating func wait() -> SupervisorMessage {
        while true {
            if let news = next() { return news }
            var interest = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&interest, 1, -1)
        }
    }

    /// Like read(); what descriptors come along are kept for the word that they belong to.
    private mutating func receive(_ byte: inout UInt8) -> Int {
        withUnsafeMutableBytes(of: &byte) { DescriptorPassing.read(descriptor, into: $0, passed: &passed) }
    }

    /// They came with a word that we do not know.
    private mutating func forgetPassed() {
        for descriptor in passed { close(descriptor) }
        passed = []
    }
}
