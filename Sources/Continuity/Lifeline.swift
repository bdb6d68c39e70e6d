internal import DaemonKit
internal import Glibc
internal import Linux

/// A child's end of the socket pair between it and its supervisor.
///
/// The child sends `ChildMessage`s, one line each: `ready` once it serves, `heartbeat` about once a second from its
/// main loop, and the steps of a handover. The supervisor sends `SupervisorMessage`s. When the supervisor closes its
/// end, or exits, the child stops in good order, as at SIGTERM.
public struct Lifeline: ~Copyable {
    /// The number of the descriptor in every child.
    public static let inheritedDescriptor: Int32 = 3

    /// A message of the supervisor without arguments, one line each. A newer supervisor may send others.
    public enum Word: String, Sendable {
        /// Freeze: save the state, answer `froze`, and wait for `resume` or `leave`.
        case freeze
        /// Continue after a cancelled handover.
        case resume
        /// Exit: the successor has everything.
        case leave
        /// Read the frozen predecessor's saved state and get its connections without changing them; answer `adopted`.
        case adopt
        /// The predecessor has exited: continue from its state.
        case go
        /// Another shard has absorbed this frozen process: hand over the remaining events, and exit.
        case absorbed
    }

    public enum SupervisorMessage: Equatable, Sendable {
        case word(Word)
        case task(ShardTask)
        /// Absorb this shard, and reply with `answer(_:isDone:)`. The receiver closes the descriptors of the offer.
        case absorb(MergeOffer)
        /// Another shard has absorbed this part of the frozen process: continue without it.
        case release(ShardPart)
        /// The supervisor has closed its end.
        case cut
    }

    /// Watch it for readability; then call `isCut`, or `next` until it returns nil.
    public let descriptor: Int32
    private var unread: [UInt8] = []
    /// Descriptors that arrived with bytes of an incomplete line.
    private var passed: [Int32] = []
    /// Makes a child reopen its log file. `next` does this itself, so that every child that reads its lifeline does it
    /// in any state. A child of an older version ignores the line.
    public static let reopenLog = "reopen log"
    /// Messages are short. A longer line is not one, and is discarded.
    private static let wordBytesMax = 64

    public init(descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }

    /// Never blocks. If the supervisor does not read, a lost heartbeat is followed by others, and other messages have
    /// time limits.
    public func say(_ message: ChildMessage) {
        let bytes = Array((message.line + "\n").utf8)
        // MSG_NOSIGNAL: the supervisor may have exited.
        _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
    }

    /// Sends the limitations of the process, then a heartbeat. A limitation that is not sent has passed.
    public func sayHeartbeat() {
        for text in Degradation.current { say(.degraded(text)) }
        say(.heartbeat)
    }

    /// Reports whether this shard has absorbed that shard or part.
    public func answer(_ departing: MergeOffer, isDone: Bool) {
        say(
            .absorption(
                .init(
                    shard: departing.shard, incarnation: departing.incarnation, part: departing.part?.number ?? 0,
                    isDone: isDone)))
    }

    /// Refuses an offer in a state in which nothing can be absorbed.
    public func refuse(_ departing: MergeOffer) {
        answer(departing, isDone: false)
        departing.close()
    }

    /// Whether the supervisor has closed its end. For children that expect no other message; call it when the
    /// descriptor is readable.
    public mutating func isCut() -> Bool {
        while let news = next() {
            if news == .cut { return true }
        }
        return false
    }

    /// The next message of the supervisor; nil when there is none at present.
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
            // One byte at a time, because descriptors arrive with the first byte of their line. Messages are rare.
            var byte: UInt8 = 0
            let count = receive(&byte)
            if count == 0 { return .cut }
            if count < 0 { return errno == EAGAIN || errno == EINTR ? nil : .cut }
            unread.append(byte)
        }
    }

    /// Blocks until the supervisor sends a message.
    public mutating func wait() -> SupervisorMessage {
        while true {
            if let news = next() { return news }
            var interest = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&interest, 1, -1)
        }
    }

    /// Like read(2). Keeps the descriptors that arrive, for the line that they belong to.
    private mutating func receive(_ byte: inout UInt8) -> Int {
        withUnsafeMutableBytes(of: &byte) { DescriptorPassing.read(descriptor, into: $0, passed: &passed) }
    }

    /// Closes descriptors that arrived with an unknown message.
    private mutating func forgetPassed() {
        for descriptor in passed { close(descriptor) }
        passed = []
    }
}
