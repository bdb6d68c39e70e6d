import Foundation
import Glibc
import TestSupport
import Testing

@testable import Control

/// The client against a socket that answers as the test says.
@Suite struct ControlClientTests {
    /// Takes one connection, reads up to the LF, and sends `answer`; then closes, or holds the connection for a while.
    private final class Supervisor: Sendable {
        private let scratch = Scratch()
        private let listener: Int32
        var directory: String { scratch.path }

        init(backlog: Int32 = 8) throws {
            listener = try LocalSocket.bound(to: scratch.path + "/control", backlog: backlog)
        }

        deinit { close(listener) }

        func answer(_ answer: [UInt8], holding: Bool = false, inPieces: Bool = false) {
            let listener = listener
            Thread.detachNewThread {
                let peer = accept(listener, nil, nil)
                var byte: UInt8 = 0
                while recv(peer, &byte, 1, 0) == 1, byte != 0x0a {}
                for piece in inPieces ? answer.map({ [$0] }) : [answer] {
                    _ = send(peer, piece, piece.count, Int32(MSG_NOSIGNAL))
                }
                if holding { usleep(500_000) }
                close(peer)
            }
        }
    }

    private func failure(_ supervisor: Supervisor, timeout: Int = 5_000) -> ControlFailure? {
        do throws(ControlFailure) {
            _ = try ControlClient(runDirectory: supervisor.directory).ask(.status, timeoutMilliseconds: timeout)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [false, true])
    func theReplyComesBackWholeOrByteByByte(inPieces: Bool) throws {
        let supervisor = try Supervisor()
        for reply in ControlLineTests.replies {
            supervisor.answer(try #require(ControlLine.encode(reply)), inPieces: inPieces)
            let client = ControlClient(runDirectory: supervisor.directory)
            #expect(try client.ask(.restart(shard: 1), timeoutMilliseconds: 5_000) == reply)
        }
    }

    @Test func aLargeDocumentCrossesTheSocket() throws {
        let supervisor = try Supervisor()
        supervisor.answer(try #require(ControlLine.encode(.done)))
        let document = String(repeating: "0123456789abcde\n", count: 60_000)
        let client = ControlClient(runDirectory: supervisor.directory)
        #expect(try client.ask(.configure(document: document), timeoutMilliseconds: 10_000) == .done)
    }

    @Test func aRunDirectoryWithoutAServiceIsSaidSo() {
        let client = ControlClient(runDirectory: "/nonexistent")
        #expect(throws: ControlFailure.noService(path: "/nonexistent/control", reason: "No such file or directory")) {
            try client.ask(.status, timeoutMilliseconds: 1_000)
        }
        let long = ControlClient(runDirectory: "/" + String(repeating: "a", count: 200))
        #expect(throws: ControlFailure.self) { try long.ask(.status, timeoutMilliseconds: 1_000) }
    }

    @Test func silenceIsWaitedForOnlySoLong() throws {
        let supervisor = try Supervisor()
        supervisor.answer([], holding: true)
        #expect(failure(supervisor, timeout: 50) == .noAnswer(afterMilliseconds: 50))
    }

    @Test func aQueueThatIsFullIsWaitedForOnlySoLong() throws {
        let supervisor = try Supervisor(backlog: 0)
        // Nobody accepts: the first waits in the queue for its answer, the next for a place in it.
        #expect(failure(supervisor, timeout: 50) == .noAnswer(afterMilliseconds: 50))
        #expect(failure(supervisor, timeout: 50) == .noAnswer(afterMilliseconds: 50))
    }

    @Test func whoHangsUpOrTalksNonsenseIsNotBelieved() throws {
        let supervisor = try Supervisor()
        supervisor.answer([])
        #expect(failure(supervisor) == .cutOff)
        supervisor.answer(Array("{\"reply\":\"done\"}".utf8))
        #expect(failure(supervisor) == .cutOff)
        supervisor.answer(Array("hello\n".utf8))
        #expect(failure(supervisor) == .unreadable)
        supervisor.answer([UInt8](repeating: 0x20, count: ControlLine.bytesMax + 70_000))
        #expect(failure(supervisor) == .unreadable)
    }
}
