import EventLoop
import Glibc
import Testing

@Suite struct ListeningTests {
    private let anyPort: SocketAddress

    init() throws {
        anyPort = try SocketAddress(host: "127.0.0.1", port: 0)
    }

    @Test func socketsWithASharedPortJoinEachOther() throws {
        let first = try ListeningSocket.open(anyPort, sharedPort: true)
        let address = try ListeningSocket.address(of: first)
        let second = try ListeningSocket.open(address, sharedPort: true)
        #expect(try ListeningSocket.address(of: second) == address)
        Glibc.close(first)
        Glibc.close(second)
    }

    @Test func aSocketOfItsOwnIsRefusedWhereSomebodyListens() throws {
        let first = try ListeningSocket.open(anyPort, sharedPort: true)
        let address = try ListeningSocket.address(of: first)
        #expect(throws: SystemFailure(code: -EADDRINUSE)) {
            _ = try ListeningSocket.open(address, sharedPort: false)
        }
        Glibc.close(first)
    }

    @Test func theSocketIsCloseOnExec() throws {
        let descriptor = try ListeningSocket.open(anyPort, sharedPort: false)
        #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
        Glibc.close(descriptor)
    }

    @Test func aSocketThatOnlyReservesRefusesUntilAListenerHasIt() throws {
        let loop = try Loop()
        let descriptor = try ListeningSocket.open(anyPort, sharedPort: true, listens: false)
        let address = try ListeningSocket.address(of: descriptor)
        let early = RecordingStream(on: loop)
        try early.connect(to: address)
        loop.turn(until: { !early.connections.isEmpty })
        #expect(early.connections == [SystemFailure(code: -ECONNREFUSED)])
        let listener = try TCPListener(on: loop, descriptor: descriptor) { RecordingStream(on: $0) }
        let late = RecordingStream(on: loop)
        try late.connect(to: address)
        loop.turn(until: { late.connections == [nil] })
        for stream in [early, late] { stream.close() }
        listener.close()
    }

    @Test func whoWaitsInTheQueueIsLetInBeforeTheSocketIsClosed() throws {
        let loop = try Loop()
        let descriptor = try ListeningSocket.open(anyPort, sharedPort: false)
        let address = try ListeningSocket.address(of: descriptor)
        var served: [RecordingStream] = []
        let listener = try TCPListener(on: loop, descriptor: descriptor) { loop in
            served.append(RecordingStream(on: loop))
            return served.last
        }
        // On loopback, the handshake is complete when connect returns. The loop has not run since.
        let waiting = RecordingStream(on: loop)
        try waiting.connect(to: address)
        listener.acceptRestAndClose()
        let late = RecordingStream(on: loop)
        try late.connect(to: address)
        loop.turn(until: { !late.connections.isEmpty && !waiting.connections.isEmpty })
        #expect(late.connections == [SystemFailure(code: -ECONNREFUSED)] && waiting.connections == [nil])
        let letIn = try #require(served.first)
        #expect(served.count == 1 && letIn.connections == [nil])
        waiting.send(text: "here\n")
        loop.turn(until: { letIn.text == "here\n" })
        #expect(waiting.ends.isEmpty)
        for stream in served + [waiting, late] { stream.close() }
        loop.finish()
    }

    @Test func aConnectionNobodyWantsIsClosedAndTheNextIsServed() throws {
        let loop = try Loop()
        let descriptor = try ListeningSocket.open(anyPort, sharedPort: false)
        let address = try ListeningSocket.address(of: descriptor)
        var served: [RecordingStream] = []
        var asked = 0
        let listener = try TCPListener(on: loop, descriptor: descriptor) { loop in
            asked += 1
            guard asked > 1 else { return nil }
            let stream = RecordingStream(on: loop)
            served.append(stream)
            return stream
        }
        let refused = RecordingStream(on: loop)
        try refused.connect(to: address)
        loop.turn(until: { !refused.ends.isEmpty })
        let welcome = RecordingStream(on: loop)
        try welcome.connect(to: address)
        loop.turn(until: { served.first?.connections == [nil] && welcome.connections == [nil] })
        #expect(asked == 2)
        for stream in served + [refused, welcome] { stream.close() }
        listener.close()
        loop.finish()
    }

    @Test func whoSpeaksFirstIsSeenWhenItSpeaks() throws {
        let loop = try Loop()
        let descriptor = try ListeningSocket.open(anyPort, sharedPort: false, awaitsFirstBytes: true)
        let address = try ListeningSocket.address(of: descriptor)
        var served: [RecordingStream] = []
        let listener = try TCPListener(on: loop, descriptor: descriptor) { loop in
            served.append(RecordingStream(on: loop))
            return served.last
        }
        let silent = RecordingStream(on: loop)
        let speaker = RecordingStream(on: loop)
        for client in [silent, speaker] { try client.connect(to: address) }
        loop.turn(until: { silent.connections == [nil] && speaker.connections == [nil] })
        #expect(served.isEmpty)
        speaker.send(text: "here\n")
        loop.turn(until: { served.first?.text == "here\n" })
        #expect(served.count == 1)
        // After a second the kernel passes a silent connection too, so that a time limit of the program can end it.
        loop.turn(until: { served.count == 2 })
        for stream in served + [silent, speaker] { stream.close() }
        listener.close()
        loop.finish()
    }

    @Test func aCrowdComesInPartsAndTheLoopTurnsBetween() throws {
        let loop = try Loop()
        let descriptor = try ListeningSocket.open(anyPort, sharedPort: false)
        let address = try ListeningSocket.address(of: descriptor)
        var served: [RecordingStream] = []
        let listener = try TCPListener(on: loop, descriptor: descriptor, eachTurnMax: 10) { loop in
            let stream = RecordingStream(on: loop)
            served.append(stream)
            return stream
        }
        let clients = (0..<35).map { _ in RecordingStream(on: loop) }
        for client in clients { try client.connect(to: address) }
        loop.turn(until: { served.count == 10 && clients.allSatisfy { $0.connections == [nil] } })
        for most in [20, 30, 35] {
            listener.turnEnded()
            loop.turn(until: { served.count == most })
        }
        // A connection that libuv holds is not lost at the end.
        let late = (0..<15).map { _ in RecordingStream(on: loop) }
        for client in late { try client.connect(to: address) }
        loop.turn(until: { served.count == 40 && late.allSatisfy { $0.connections == [nil] } })
        listener.acceptRestAndClose()
        #expect(served.count == 50)
        for stream in served + clients + late { stream.close() }
        loop.finish()
    }

    @Test func aWholeCrowdIsAccepted() throws {
        let loop = try Loop()
        let descriptor = try ListeningSocket.open(anyPort, sharedPort: false)
        let address = try ListeningSocket.address(of: descriptor)
        var served: [RecordingStream] = []
        let listener = try TCPListener(on: loop, descriptor: descriptor) { loop in
            let stream = RecordingStream(on: loop)
            served.append(stream)
            return stream
        }
        let clients = (0..<300).map { _ in RecordingStream(on: loop) }
        for client in clients { try client.connect(to: address) }
        loop.turn(until: { served.count == 300 && clients.allSatisfy { $0.connections == [nil] } })
        for stream in served + clients { stream.close() }
        listener.close()
        loop.finish()
    }
}

@Suite struct SocketAddressTests {
    @Test func anAddressIsWrittenAsItIsRead() throws {
        #expect(try SocketAddress(host: "127.0.0.1", port: 3333).description == "127.0.0.1:3333")
        #expect(try SocketAddress(host: "::1", port: 65_535).description == "[::1]:65535")
        #expect(try SocketAddress(host: "::", port: 1).isIPv6)
        #expect(try SocketAddress(host: "10.0.0.1", port: 1).with(port: 513).port == 513)
    }

    @Test func anIPv4MinerOnAnIPv6SocketIsShownAsIPv4() throws {
        #expect(try SocketAddress(host: "::ffff:192.168.1.2", port: 1).host == "192.168.1.2")
    }

    @Test(arguments: ["", "localhost", "1.2.3", "1.2.3.4.5", "::g", "[::1]", "256.0.0.1"])
    func whatIsNotNumericIsRefused(host: String) {
        #expect(throws: SystemFailure.self) { try SocketAddress(host: host, port: 1) }
    }
}
