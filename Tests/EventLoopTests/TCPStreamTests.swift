import EventLoop
import Glibc
import Testing

@Suite struct TCPStreamTests {
    @Test func whatOneSideSendsTheOtherReceives() throws {
        let pair = try ConnectedPair()
        #expect(pair.client.connections == [nil])
        #expect(pair.client.send(text: "hello\n") == .sent)
        pair.loop.turn(until: { pair.server.text == "hello\n" })
        #expect(pair.server.send(text: "welcome\n") == .sent)
        pair.loop.turn(until: { pair.client.text == "welcome\n" })
        #expect(pair.client.peer == pair.server.local)
        #expect(pair.client.local == pair.server.peer)
        pair.finish()
    }

    @Test func aLongMessageArrivesInChunksOfTheReadBufferAtMost() throws {
        let pair = try ConnectedPair()
        let message = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        #expect([.sent, .queued].contains(pair.client.send(message)))
        pair.loop.turn(until: { pair.server.received.count >= message.count })
        #expect(pair.server.received == message)
        #expect(pair.server.chunkSizes.allSatisfy { $0 <= Loop.readBytesMax })
        #expect(pair.server.chunkSizes.count > 1)
        pair.finish()
    }

    @Test func aReaderThatPausesLosesNothing() throws {
        let pair = try ConnectedPair()
        var expected = ""
        pair.server.onReceive = { $0.stopReading() }
        for number in 0..<50 {
            pair.client.send(text: "line \(number)\n")
            expected += "line \(number)\n"
            pair.loop.turn(until: { pair.server.text.utf8.count == expected.utf8.count })
            pair.server.startReading()
            pair.server.startReading()  // a second call is not an error
        }
        pair.server.onReceive = nil
        pair.server.startReading()
        pair.loop.turn(until: { pair.server.text.utf8.count == expected.utf8.count })
        #expect(pair.server.text == expected)
        pair.finish()
    }

    @Test func aPeerThatDoesNotReadReachesTheLimitAndNeverGetsATruncatedLine() throws {
        let pair = try ConnectedPair(clientReads: false)
        var accepted = 0
        var outcomes: Set<String> = []
        loop: while true {
            let line = Array(repeating: UInt8(ascii: "x"), count: 1_000 + accepted % 777) + [0x0a]
            switch pair.server.send(line) {
            case .sent: outcomes.insert("sent")
            case .queued: outcomes.insert("queued")
            case .overflow: break loop
            case .closed:
                Issue.record("closed")
                break loop
            }
            accepted += 1
            #expect(pair.server.queuedBytes <= TCPStream.queueBytesMax)
        }
        #expect(outcomes == ["sent", "queued"])
        #expect(pair.server.queuedBytes > TCPStream.queueBytesMax - 2_000)
        pair.client.startReading()
        pair.loop.turn(until: { pair.client.received.count { $0 == 0x0a } >= accepted && pair.server.queuedBytes == 0 })
        let lines = pair.client.received.split(separator: 0x0a)
        #expect(pair.client.received.last == 0x0a)
        #expect(lines.map(\.count) == (0..<accepted).map { 1_000 + $0 % 777 })
        #expect(pair.server.send(text: "and on\n") == .sent)
        pair.finish()
    }

    @Test func aMessageAboveTheLimitIsRefusedWhole() throws {
        let pair = try ConnectedPair()
        #expect(pair.server.send(Array(repeating: 0, count: TCPStream.queueBytesMax + 1)) == .overflow)
        #expect(pair.server.send(text: "short\n") == .sent)
        pair.loop.turn(until: { !pair.client.received.isEmpty })
        #expect(pair.client.text == "short\n")
        pair.finish()
    }

    @Test func whatIsQueuedStillArrivesBeforeTheEnd() throws {
        let pair = try ConnectedPair(clientReads: false)
        let line = Array(repeating: UInt8(ascii: "x"), count: 4_000)
        var count = 0
        while pair.server.send(line) == .sent { count += 1 }
        pair.server.finish()
        #expect(pair.server.send(text: "too late\n") == .closed)
        // Bytes that the client sends meanwhile do not cause a reset.
        pair.client.send(text: "still here\n")
        pair.client.startReading()
        pair.loop.turn(until: { !pair.client.ends.isEmpty && pair.server.text == "still here\n" })
        #expect(pair.client.ends == [.endOfStream])
        #expect(pair.client.received.count == (count + 1) * line.count)
        pair.finish()
    }

    @Test func closingIsSeenAsTheEndOfTheStream() throws {
        let pair = try ConnectedPair()
        pair.server.send(text: "bye\n")
        pair.server.close()
        pair.loop.turn(until: { !pair.client.ends.isEmpty })
        #expect(pair.client.text == "bye\n")
        #expect(pair.client.ends == [.endOfStream])
        #expect(pair.server.ends == [])
        #expect(pair.server.send(text: "too late") == .closed)
        #expect(pair.server.peer == nil)
        pair.finish()
    }

    @Test func aResetIsSeenAsAReset() throws {
        let pair = try ConnectedPair()
        pair.server.reset()
        pair.loop.turn(until: { !pair.client.ends.isEmpty })
        #expect(pair.client.ends == [.failure(SystemFailure(code: -ECONNRESET))])
        pair.finish()
    }

    @Test func closingTwiceOrAfterAResetIsHarmless() throws {
        let pair = try ConnectedPair()
        pair.server.reset()
        pair.server.close()
        pair.server.reset()
        pair.finish()
    }

    @Test func aBrokenConnectionIsReportedOnceHoweverManyWritesWait() throws {
        let pair = try ConnectedPair(clientReads: false)
        while pair.server.send(Array(repeating: 1, count: 60_000)) != .overflow {}
        pair.client.reset()
        pair.loop.turn(until: { !pair.server.ends.isEmpty })
        for _ in 0..<3 {
            #expect(pair.server.send(text: "x") == .closed)
            wait(pair.loop)
        }
        #expect(pair.server.ends.count == 1)
        pair.finish()
    }

    @Test func aStreamThatDoesNotReadLearnsFromItsWritesThatThePeerIsGone() throws {
        let pair = try ConnectedPair(serverReads: false)
        pair.client.reset()
        wait(pair.loop)
        var outcome = SendOutcome.sent
        pair.loop.turn(until: {
            outcome = pair.server.send(text: "anybody?\n")
            return outcome == .closed
        })
        #expect(pair.server.ends == [])
        pair.loop.turn(until: { !pair.server.ends.isEmpty })
        #expect(pair.server.ends.count == 1)
        pair.finish()
    }

    @Test func nothingIsHeardAfterCloseEvenInTheMiddleOfAChunk() throws {
        let pair = try ConnectedPair()
        pair.server.onReceive = { $0.close() }
        pair.client.send(text: "one\n")
        pair.loop.turn(until: { !pair.server.received.isEmpty })
        pair.client.send(text: "two\n")
        pair.client.close()
        pair.loop.turn(until: { pair.server.isClosed })
        #expect(pair.server.text == "one\n")
        #expect(pair.server.ends == [])
        pair.finish()
    }

    /// A few turns without expected events.
    private func wait(_ loop: Loop) {
        var fired = false
        let timer = Timer(on: loop) { fired = true }
        timer.start(after: 5)
        loop.turn(until: { fired })
        timer.close()
    }
}

@Suite struct ConnectTests {
    @Test func aPortWithoutAListenerRefuses() throws {
        let loop = try Loop()
        let descriptor = try ListeningSocket.open(SocketAddress(host: "127.0.0.1", port: 0), sharedPort: false)
        let address = try ListeningSocket.address(of: descriptor)
        Glibc.close(descriptor)
        let stream = RecordingStream(on: loop)
        try stream.connect(to: address)
        loop.turn(until: { !stream.connections.isEmpty })
        #expect(stream.connections == [SystemFailure(code: -ECONNREFUSED)])
        #expect(stream.send(text: "x") == .closed)
        #expect(stream.ends == [])
        stream.close()
        loop.finish()
    }

    @Test(arguments: [false, true])
    func aConnectionGivenUpIsNotHeardOfAgain(byReset: Bool) throws {
        let loop = try Loop()
        let descriptor = try ListeningSocket.open(SocketAddress(host: "127.0.0.1", port: 0), sharedPort: false)
        let stream = RecordingStream(on: loop)
        try stream.connect(to: ListeningSocket.address(of: descriptor))
        if byReset { stream.reset() } else { stream.close() }
        loop.finish()
        #expect(stream.connections == [])
        Glibc.close(descriptor)
    }

    @Test func aStreamThatNeverConnectedCanBeResetAndClosed() throws {
        let loop = try Loop()
        RecordingStream(on: loop).reset()
        RecordingStream(on: loop).close()
        loop.finish()
    }

    @Test func theLocalEndCanBeChosen() throws {
        let loop = try Loop()
        let descriptor = try ListeningSocket.open(SocketAddress(host: "127.0.0.1", port: 0), sharedPort: false)
        let stream = RecordingStream(on: loop)
        try stream.bind(to: SocketAddress(host: "127.0.0.7", port: 0))
        try stream.connect(to: ListeningSocket.address(of: descriptor))
        loop.turn(until: { !stream.connections.isEmpty })
        #expect(stream.local?.host == "127.0.0.7")
        stream.close()
        loop.finish()
        Glibc.close(descriptor)
    }
}
