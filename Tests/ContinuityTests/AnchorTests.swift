import Foundation
import Glibc
import TestSupport
import Testing

@testable import Continuity
@testable import Linux

/// Two ends of a TCP connection over loopback.
private struct Connection {
    let near: Int32
    let far: Int32

    init() throws {
        let listener = try Loopback.listening()
        defer { close(listener.descriptor) }
        near = try #require(Loopback.connected(to: listener.port))
        let accepted = accept(listener.descriptor, nil, nil)
        defer { close(accepted) }
        // Other tests of this process take the lowest free number: never one of the upper half.
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        far = fcntl(accepted, F_DUPFD_CLOEXEC, Int32(clamping: min(limit.rlim_cur, 20_000) / 2))
        try #require(far >= 0)
    }

    static func write(_ text: String, to descriptor: Int32) -> Int { Glibc.write(descriptor, text, text.utf8.count) }

    static func read(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return count < 0 ? "error \(errno)" : String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}

private struct Pair {
    let ours: Int32
    let theirs: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
        (ours, theirs) = (ends[0], ends[1])
    }
}

@Suite(.serialized) struct AnchorTests {
    @Test func whatIsOpenedAfterTheAnchorIsHeldByIt() throws {
        let pair = try Pair()
        try Anchor.drop(on: pair.theirs)
        let connection = try Connection()
        let anchored = AnchoredDescriptors(socket: pair.ours)

        let taken = try anchored.duplicates(of: [connection.far, 19_999])
        let copy = try #require(taken[0])
        #expect(taken[1] == nil)
        #expect(copy != connection.far)
        #expect(Connection.write("job", to: copy) == 3)
        #expect(Connection.read(connection.near) == "job")
        #expect(try anchored.connections(max: 20_000).contains(connection.far))
        #expect(try !anchored.connections(max: 20_000).contains(pair.ours))
        for descriptor in [copy, connection.near, connection.far, pair.ours] { close(descriptor) }
    }

    /// A process list must not show it as another process of the program that has started it.
    @Test func itHasATitleOfItsOwnAsSoonAsItAnswers() throws {
        func text(_ process: String, _ file: String) -> String {
            let bytes = FileManager.default.contents(atPath: "/proc/\(process)/\(file)") ?? Data()
            return String(decoding: bytes, as: UTF8.self)
        }
        let own = text("self", "cmdline")
        let pair = try Pair()
        try Anchor.drop(on: pair.theirs)
        _ = try AnchoredDescriptors(socket: pair.ours).duplicates(of: [0])
        let processes = try FileManager.default.contentsOfDirectory(atPath: "/proc")
        // One that has ended and is not reaped yet has a name, but no command line.
        let isOurs = { (process: String) in
            text(process, "status").contains("PPid:\t\(getpid())\n") && !text(process, "cmdline").isEmpty
        }
        let anchor = try #require(processes.first { text($0, "comm") == "millrace-anchor\n" && isOurs($0) })
        #expect(text(anchor, "cmdline").hasPrefix("millrace-anchor"))
        #expect(text(anchor, "cmdline").utf8.count == own.utf8.count)
        #expect(text("self", "cmdline") == own, "our own title has changed")
        close(pair.ours)
    }

    /// A duplicate in another table would keep the connection open, and the miner would never see its end.
    @Test func whatIsClosedIsClosedForBoth() throws {
        let pair = try Pair()
        try Anchor.drop(on: pair.theirs)
        let connection = try Connection()
        close(connection.far)
        #expect(Connection.read(connection.near) == "")
        #expect(try AnchoredDescriptors(socket: pair.ours).duplicates(of: [connection.far]) == [nil])
        close(connection.near)
        close(pair.ours)
    }

    @Test func manyComeInBatches() throws {
        let pair = try Pair()
        try Anchor.drop(on: pair.theirs)
        let connection = try Connection()
        let copies = (0..<600).map { _ in dup(connection.far) }
        let taken = try AnchoredDescriptors(socket: pair.ours).duplicates(of: copies)
        #expect(taken.count == 600)
        #expect(taken.allSatisfy { $0 != nil })
        #expect(Set(taken.compactMap { $0 }).isDisjoint(with: copies))
        for descriptor in copies + taken.compactMap({ $0 }) + [connection.near, connection.far, pair.ours] {
            close(descriptor)
        }
    }

    /// A successor that was killed leaves what it had asked for unread: the next one must not take it for its own.
    @Test func theAnswerToAnotherIsNotTaken() throws {
        let pair = try Pair()
        try Anchor.drop(on: pair.theirs)
        let connection = try Connection()
        // As `clinux_anchor_take` asks: who, which question, which descriptors.
        for wanted in [connection.near, connection.far, -1] as [Int32] {
            let request: [Int32] = [1, 1, wanted]
            #expect(send(pair.ours, request, 12, 0) == 12)
        }
        usleep(10_000)
        let taken = try AnchoredDescriptors(socket: pair.ours).duplicates(of: [connection.far, connection.near])
        let far = try #require(taken[0])
        #expect(Connection.write("job", to: far) == 3)
        #expect(Connection.read(connection.near) == "job")
        #expect(try AnchoredDescriptors(socket: pair.ours).connections(max: 20_000).contains(connection.near))
        for descriptor in taken.compactMap({ $0 }) + [connection.near, connection.far, pair.ours] { close(descriptor) }
    }

    @Test(arguments: [SIGKILL, SIGSEGV, SIGILL])
    func anAnchorThatIsKilledIsReplaced(signal: Int32) throws {
        let pair = try Pair()
        var anchor = try Anchor.drop(on: pair.theirs)
        let connection = try Connection()
        #expect(anchor.check() == nil && !anchor.isMissing)
        let first = try #require(anchor.processID)
        kill(first, signal)
        usleep(50_000)
        #expect(anchor.check() == .killed(signal: signal))
        #expect(anchor.isMissing && anchor.check() == nil)
        try anchor.replace()
        #expect(!anchor.isMissing && anchor.processID != first)
        let taken = try AnchoredDescriptors(socket: pair.ours).duplicates(of: [connection.far])
        let copy = try #require(taken[0])
        #expect(Connection.write("job", to: copy) == 3)
        #expect(Connection.read(connection.near) == "job")
        for descriptor in [copy, connection.near, connection.far, pair.ours] { close(descriptor) }
    }

    @Test func anAnchorThatIsStoppedIsContinued() throws {
        let pair = try Pair()
        var anchor = try Anchor.drop(on: pair.theirs)
        kill(try #require(anchor.processID), SIGSTOP)
        usleep(50_000)
        #expect(anchor.check() == .stopped(signal: SIGSTOP))
        #expect(try AnchoredDescriptors(socket: pair.ours).duplicates(of: [pair.theirs])[0].map { close($0) } == 0)
        #expect(anchor.check() == nil)
        close(pair.ours)
    }

    /// The supervisor lets go of it: that is no loss.
    @Test func aLiftedAnchorIsNotMissing() throws {
        let pair = try Pair()
        var anchor = try Anchor.drop(on: pair.theirs)
        close(pair.ours)
        usleep(50_000)
        #expect(anchor.check() == nil && !anchor.isMissing && anchor.processID == nil)
        try anchor.replace()
        #expect(anchor.processID == nil)
    }

    @Test func nobodyAnswersForALiftedAnchor() throws {
        let pair = try Pair()
        close(pair.theirs)
        #expect(throws: SystemCallFailure.self) { try AnchoredDescriptors(socket: pair.ours).duplicates(of: [1]) }
        close(pair.ours)
    }

    @Test func theKernelKnowsWhatHasPassed() throws {
        let connection = try Connection()
        _ = Connection.write("hello", to: connection.near)
        _ = Connection.write("hello, world", to: connection.far)
        #expect(Connection.read(connection.far) == "hello")
        let far = try #require(ConnectionCounts(descriptor: connection.far, wasOpenedHere: false))
        #expect((far.written, far.read) == (12, 5))
        let near = try #require(ConnectionCounts(descriptor: connection.near, wasOpenedHere: true))
        #expect((near.written, near.read) == (5, 0))

        // An end of stream is no byte, whether it was read or not.
        _ = Connection.write("bye", to: connection.near)
        shutdown(connection.near, Int32(SHUT_WR))
        usleep(10_000)
        #expect(ConnectionCounts(descriptor: connection.far, wasOpenedHere: false)?.read == 5)
        #expect(Connection.read(connection.far) == "bye")
        #expect(ConnectionCounts(descriptor: connection.far, wasOpenedHere: false)?.read == 8)
        #expect(Connection.read(connection.far) == "")
        #expect(ConnectionCounts(descriptor: connection.far, wasOpenedHere: false)?.read == 8)
        close(connection.near)
        close(connection.far)
    }
}
