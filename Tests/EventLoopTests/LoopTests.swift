import EventLoop
import Glibc
import Testing

@Suite struct TimerTests {
    @Test func aTimerFiresOnceUnlessItRepeats() throws {
        let loop = try Loop()
        var once = 0
        var many = 0
        let single = Timer(on: loop) { once += 1 }
        let repeating = Timer(on: loop) { many += 1 }
        single.start(after: 1)
        repeating.start(after: 1, repeating: 1)
        loop.turn(until: { many >= 5 })
        #expect(once == 1)
        single.close()
        repeating.close()
        loop.finish()
    }

    @Test func startingAnewReplacesTheOldTimeAndStoppingForgetsIt() throws {
        let loop = try Loop()
        var fired: [String] = []
        let moved = Timer(on: loop) { fired.append("moved") }
        let stopped = Timer(on: loop) { fired.append("stopped") }
        moved.start(after: 3_600_000)
        moved.start(after: 2)
        stopped.start(after: 1)
        stopped.stop()
        loop.turn(until: { !fired.isEmpty })
        #expect(fired == ["moved"])
        moved.close()
        stopped.close()
        loop.finish()
    }

    @Test func aTimerMayCloseItselfAndIsFreed() throws {
        let loop = try Loop()
        weak var seen: Timer?
        do {
            var timer: Timer?
            timer = Timer(on: loop) {
                timer?.close()
                timer = nil
            }
            timer?.start(after: 1)
            seen = timer
        }
        loop.finish()
        #expect(seen == nil)
    }

    @Test func anUnreferencedTimerDoesNotKeepTheLoopTurning() throws {
        let loop = try Loop()
        let timer = Timer(on: loop) {}
        timer.start(after: 3_600_000)
        timer.unreference()
        loop.run()
        timer.close()
        loop.finish()
    }
}

@Suite struct TurnEndTests {
    /// Bytes gathered by a timer must be sent before the loop sleeps: here the next input is the answer to them.
    @Test func theEndOfATurnComesBeforeTheSleep() throws {
        let pair = try ConnectedPair()
        var gathered = ""
        let turnEnd = TurnEnd(on: pair.loop) {
            guard !gathered.isEmpty else { return }
            pair.client.send(text: gathered)
            gathered = ""
        }
        let timer = Timer(on: pair.loop) { gathered = "keepalive\n" }
        timer.start(after: 1)
        pair.loop.turn(until: { pair.server.text == "keepalive\n" })
        timer.close()
        turnEnd.close()
        pair.finish()
    }

    @Test func allInputOfATurnIsGatheredBeforeItsEnd() throws {
        let pair = try ConnectedPair()
        var turns: [Int] = []
        var chunks = 0
        pair.server.onReceive = { _ in chunks += 1 }
        let turnEnd = TurnEnd(on: pair.loop) {
            if chunks > 0 { turns.append(chunks) }
            chunks = 0
        }
        pair.client.send(text: "one\n")
        pair.loop.turn(until: { !turns.isEmpty })
        #expect(turns == [1])
        turnEnd.close()
        pair.finish()
    }
}

@Suite struct ResolverTests {
    @Test(arguments: [AddressFamily.any, .ipv4])
    func localhostIsThisMachine(family: AddressFamily) throws {
        let loop = try Loop()
        var answers: [Result<[SocketAddress], SystemFailure>] = []
        Resolver.resolve(host: "localhost", port: 3333, family: family, on: loop) { answers.append($0) }
        #expect(answers.isEmpty)
        loop.run()
        #expect(answers.count == 1)
        let addresses = try #require(answers.first).get()
        #expect(addresses.allSatisfy { $0.port == 3333 && ["127.0.0.1", "::1"].contains($0.host) })
        #expect(!addresses.isEmpty)
        if family == .ipv4 { #expect(addresses.allSatisfy { !$0.isIPv6 }) }
    }

    @Test(arguments: [
        "no-such-host.invalid",
        String(repeating: "long", count: 200),
    ])
    func aNameThatDoesNotExistIsAFailureAnsweredLaterAndOnce(host: String) throws {
        let loop = try Loop()
        var failures = 0
        Resolver.resolve(host: host, port: 1, family: .any, on: loop) { answer in
            if case .failure = answer { failures += 1 }
        }
        #expect(failures == 0)
        loop.run()
        #expect(failures == 1)
    }
}

@Suite struct SignalTests {
    @Test func aSignalArrivesOnTheLoop() throws {
        let loop = try Loop()
        var count = 0
        let source = try SignalSource(on: loop, signal: SIGUSR2) { count += 1 }
        kill(getpid(), SIGUSR2)
        loop.turn(until: { count == 1 })
        source.close()
        loop.finish()
    }

    @Test func aSignalThatNobodyMayCatchIsRefused() throws {
        let loop = try Loop()
        #expect(throws: SystemFailure.self) { _ = try SignalSource(on: loop, signal: SIGKILL) {} }
        loop.finish()
    }
}

@Suite struct DescriptorWatchTests {
    @Test func readabilityAndHangUpAreBothSeen() throws {
        let loop = try Loop()
        var ends: (Int32, Int32) = (0, 0)
        let made = withUnsafeMutableBytes(of: &ends) {
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, $0.bindMemory(to: Int32.self).baseAddress)
        }
        try #require(made == 0)
        var seen: [Int] = []
        var byte: UInt8 = 0
        let descriptor = ends.0
        let watch = try DescriptorWatch(on: loop, descriptor: descriptor) { seen.append(read(descriptor, &byte, 1)) }
        write(ends.1, "a", 1)
        loop.turn(until: { seen == [1] })
        close(ends.1)
        loop.turn(until: { seen.contains(0) })
        watch.close()
        loop.finish()
        #expect(fcntl(descriptor, F_GETFD) >= 0)  // still open, and owned by the caller
        close(descriptor)
    }
}
