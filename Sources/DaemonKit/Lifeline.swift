internal import Glibc

/// A child's end of the socket pair that ties it to its supervisor.
///
/// Upward the child writes one line per piece of news: `ready` once it serves, `beat` about once a second from its
/// main loop. Downward the supervisor writes nothing: it closes its end, by will or by dying, and the child leaves in
/// good order. (SIGTERM means the same.)
public struct Lifeline: ~Copyable {
    /// Where every child finds it.
    public static let inheritedDescriptor: Int32 = 3

    /// To be watched for readability; then ask `isCut`.
    public let descriptor: Int32

    public init(descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }

    /// Says that this process serves: after everything is bound and connected, never before.
    public func sayReady() { say("ready\n") }

    /// Says that the main loop still turns.
    public func sayBeat() { say("beat\n") }

    /// True when the supervisor has let go. Call it when the descriptor is readable.
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
