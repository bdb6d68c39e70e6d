import Glibc
import TestSupport
import Testing

@testable import EventLoop

@Suite struct LocalStreamTests {
    /// Sends each chunk back.
    private final class Echo: LocalStream {
        var ending: StreamEnd?
        var sends = 0

        override func didReceive(_ chunk: UnsafeRawBufferPointer) { send(Array(chunk)) }
        override func didSend() { sends += 1 }
        override func didEnd(_ end: StreamEnd) {
            ending = end
            close()
        }
    }

    @Test func aConnectionIsAcceptedReadAnsweredAndEnded() throws {
        let loop = try Loop()
        let scratch = Scratch()
        let path = scratch.path + "/echo"
        var streams: [Echo] = []
        let listener = try LocalListener(on: loop, path: path, mode: 0o600) { descriptor in
            guard let stream = try? Echo(on: loop, descriptor: descriptor) else { return }
            streams.append(stream)
            stream.startReading()
        }
        #expect(throws: SystemFailure.self) { try LocalListener(on: loop, path: path, mode: 0o600) { _ in } }
        let peer = try LocalSocket.connected(to: path)
        // The listener alone keeps no loop alive.
        let clock = Timer(on: loop) {}
        clock.start(after: 1, repeating: 1)
        #expect(send(peer, "hello", 5, 0) == 5)
        while streams.first?.sends != 1 { loop.runOnce() }
        var answer = [UInt8](repeating: 0, count: 16)
        #expect(recv(peer, &answer, 16, Int32(MSG_DONTWAIT)) == 5 && answer.starts(with: "hello".utf8))
        Glibc.close(peer)
        while streams.first?.isClosed != true { loop.runOnce() }
        #expect(streams.first?.ending == .endOfStream)
        listener.close()
        #expect(access(path, F_OK) != 0)
        clock.close()
        loop.run()
    }

    @Test func whatIsNoSocketIsRefusedAndClosed() throws {
        let loop = try Loop()
        #expect(throws: SystemFailure.self) { try Echo(on: loop, descriptor: -1) }
        loop.run()
        #expect(throws: SystemFailure.self) {
            try LocalListener(on: loop, path: "/tmp/" + String(repeating: "a", count: 200), mode: 0o600) { _ in }
        }
    }
}
