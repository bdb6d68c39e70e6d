public import Glibc

/// Two connected local sockets, closed with the value that holds them.
public final class SocketPair {
    public private(set) var ours: Int32
    public private(set) var theirs: Int32

    public init(_ type: __socket_type = SOCK_STREAM) throws {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw TestFailure.system("make a pair of sockets")
        }
        (ours, theirs) = (ends[0], ends[1])
    }

    /// Our end, which is the caller's to close from here on.
    public func takeOurs() -> Int32 {
        defer { ours = -1 }
        return ours
    }

    /// Their end, likewise.
    public func takeTheirs() -> Int32 {
        defer { theirs = -1 }
        return theirs
    }

    public func closeOurs() {
        if ours >= 0 { close(ours) }
        ours = -1
    }

    public func closeTheirs() {
        if theirs >= 0 { close(theirs) }
        theirs = -1
    }

    deinit {
        closeOurs()
        closeTheirs()
    }
}
