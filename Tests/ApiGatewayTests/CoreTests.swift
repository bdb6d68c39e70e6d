import Addresses
import Configuration
import Foundation
import Glibc
import Synchronization
import Telemetry
import Testing

@testable import ApiGateway

@Suite struct ConnectionTableTests {
    private static let limits = {
        var limits = GatewayLimits()
        limits.headMillis = 30
        limits.requestMillis = 30
        limits.answerMillis = 60
        return limits
    }()
    private var connections = ConnectionTable(limits: limits)

    @Test mutating func whoNeverFinishesARequestIsOverdue() {
        _ = connections.connected(5, at: 100)
        #expect(connections.overdue(at: 129) == [])
        #expect(connections.overdue(at: 130) == [5])
        #expect(connections.overdue(at: 131) == [5])
        connections.closed(5)
        #expect(connections.overdue(at: 200) == [])
    }

    @Test mutating func anAnswerHasMoreTimeAndTheNextRequestStartsAfresh() {
        _ = connections.connected(5, at: 100)
        connections.answering(5, at: 120)
        #expect(connections.overdue(at: 179) == [])
        #expect(connections.overdue(at: 180) == [5])
        connections.answered(5, at: 175)
        #expect(connections.overdue(at: 204) == [])
        #expect(connections.overdue(at: 205) == [5])
    }

    @Test mutating func answersUnderWayAreCountedHoweverTheyEnd() {
        _ = connections.connected(5, at: 0)
        _ = connections.connected(6, at: 0)
        connections.answering(5, at: 0)
        connections.answering(6, at: 0)
        #expect(connections.answeringCount == 2)
        connections.answering(6, at: 1)
        #expect(connections.answeringCount == 2)
        connections.answered(5, at: 1)
        connections.closed(6)
        #expect(connections.answeringCount == 0)
    }

    @Test mutating func newsAboutAClosedConnectionAreLate() {
        _ = connections.connected(5, at: 0)
        connections.closed(5)
        connections.answered(5, at: 1)
        connections.answering(5, at: 1)
        connections.closed(5)
        #expect(connections.overdue(at: 1_000) == [])
        #expect(connections.answeringCount == 0)
    }

    @Test mutating func aReusedNumberIsANewConnection() {
        _ = connections.connected(5, at: 0)
        connections.answering(5, at: 0)
        _ = connections.connected(5, at: 50)
        #expect(connections.answeringCount == 0)
        #expect(connections.overdue(at: 79) == [])
        #expect(connections.overdue(at: 80) == [5])
    }

    @Test func headersHaveLessTimeThanABody() {
        var limits = Self.limits
        limits.headMillis = 10
        var connections = ConnectionTable(limits: limits)
        _ = connections.connected(5, at: 0)
        _ = connections.connected(6, at: 0)
        connections.reading(6, at: 9)
        #expect(connections.overdue(at: 10) == [5])
        #expect(connections.overdue(at: 38) == [5])
        #expect(connections.overdue(at: 39).sorted() == [5, 6])
        #expect(connections.answeringCount == 0)
    }

    private func client(_ number: Int) -> Network? { Network("192.0.2.\(number)") }

    /// 28 of 32 places may be taken.
    private static let small = {
        var limits = GatewayLimits()
        limits.connections = 32
        limits.connectionsPerAddress = 20
        return limits
    }()

    @Test func theAddressWithTheMostConnectionsMakesRoom() {
        var connections = ConnectionTable(limits: Self.small)
        for socket in 0..<18 { #expect(connections.connected(Int32(socket), from: client(1), at: 0) == nil) }
        for socket in 18..<28 { #expect(connections.connected(Int32(socket), from: client(2), at: 0) == nil) }
        // The oldest that is being answered stays, for there are some that wait.
        connections.answering(0, at: 0)
        #expect(connections.connected(100, from: client(3), at: 0) == 1)
        // It was told to end, and is not there for the next one, whether its end was seen or not.
        #expect(connections.connected(101, from: client(4), at: 0) == 2)
        connections.closed(1)
        #expect(connections.connected(102, from: client(4), at: 0) == 3)
        // Whoever has most loses its own.
        for socket in 200..<260 {
            let ended = connections.connected(Int32(socket), from: client(5), at: 0)
            #expect(ended != 100 && ended != 101 && ended != 102)
        }
    }

    @Test func oneAddressBeyondItsShareLosesItsOldest() {
        var connections = ConnectionTable(limits: Self.small)
        for socket in 0..<20 { #expect(connections.connected(Int32(socket), from: client(1), at: 0) == nil) }
        #expect(connections.connected(20, from: client(1), at: 0) == 0)
        #expect(connections.connected(21, from: client(1), at: 0) == 1)
        // All are answered: then the oldest of these, but a stream.
        for socket in 2...21 { connections.answering(Int32(socket), at: 0) }
        connections.streaming(2, at: 0)
        #expect(connections.connected(22, from: client(1), at: 0) == 3)
        #expect(connections.connected(23, from: client(2), at: 0) == nil)
    }

    @Test func connectionsOfUnknownAddressesAreBoundedToo() {
        var connections = ConnectionTable(limits: Self.small)
        for socket in 0..<20 { #expect(connections.connected(Int32(socket), from: nil, at: 0) == nil) }
        #expect(connections.connected(20, from: nil, at: 0) == 0)
    }
}

@Suite struct BindRetryTests {
    @Test func itIsQuickAtFirstThenRare() {
        var retry = BindRetry()
        var (now, pauses): (Int64, [Int64]) = (1_000, [])
        #expect(retry.isDue(at: now))
        for _ in 0..<7 {
            let pause = retry.failed(at: now)
            pauses.append(pause)
            #expect(!retry.isDue(at: now + pause - 1))
            now += pause
            #expect(retry.isDue(at: now))
        }
        #expect(pauses == [2_000, 2_000, 2_000, 2_000, 2_000, 10_000, 10_000])
    }
}

@Suite struct IdentityTests {
    private func identity(_ change: (inout Settings.API) -> Void = { _ in }, machine: String = "m") -> Identity {
        var api = Settings.API(host: "127.0.0.1", port: 8080)
        change(&api)
        return Identity(api: api, machine: machine, hostName: "host", version: "1", userAgent: "ua")
    }

    @Test func theIDIsSixteenHexDigitsAndStaysTheSame() {
        let id = identity().id
        #expect(id.count == 16 && id.allSatisfy { $0.isHexDigit && !$0.isUppercase })
        #expect(identity().id == id)
        #expect(identity(machine: "other").id != id)
        #expect(identity { $0.port = 8081 }.id != id)
        #expect(identity { $0.id = "" }.id == id)
    }

    @Test func theConfigurationHasTheLastWord() {
        #expect(identity { $0.id = "mine" }.id == "mine")
        #expect(identity { $0.workerID = "farm" }.workerID == "farm")
        #expect(identity { $0.workerID = "" }.workerID == "host")
        #expect(identity().workerID == "host")
    }

    @Test(arguments: [
        ("", "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"),
        ("abc", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
        // One byte less than a block, a block, and more.
        (String(repeating: "a", count: 135), "8094bb53c44cfb1e67b7c30447f9a1c33696d2463ecc1d9c92538913392843c9"),
        (String(repeating: "a", count: 136), "3fc5559f14db8e453a0a3091edbd2bc25e11528d81c66fa570a4efdcc2695ee1"),
        (String(repeating: "a", count: 200), "cce34485baf2bf2aca99b94833892a4f52896d3d153f7b840cc4f9fe695f1387"),
    ])
    func theHashIsSHA3(message: String, digest: String) {
        let digits = Array("0123456789abcdef")
        let hex = SHA3.digest256(Array(message.utf8)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        #expect(String(hex) == digest)
    }
}

@Suite struct MachineTests {
    @Test func whatLinuxTellsIsPlausible() {
        let readings = Machine.read(supervisor: getpid())
        #expect(readings.memoryTotal > 1 << 20)
        #expect((1...readings.memoryTotal).contains(readings.memoryFree))
        #expect((1...readings.memoryTotal).contains(readings.serviceResident))
        #expect(readings.processors >= 1)
        #expect(!Machine.hostName.isEmpty)
        #expect(Machine.fingerprint == Machine.fingerprint)
    }

    @Test func aSupervisorThatIsGoneLeavesOurOwnMemory() {
        #expect(Machine.read(supervisor: -1).serviceResident > 0)
    }

    /// Three shells, each started by the one before: their common pages count once.
    @Test func sharedPagesCountOnceAndGrandchildrenAreIn() throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "sh -c 'sh -c \"echo; read x\"; true'; true"]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        _ = output.fileHandleForReading.availableData
        let shells = Machine.processes(ofService: process.processIdentifier).subtracting([getpid()])
        #expect(shells.count == 3 && shells.contains(process.processIdentifier))
        let proportional = shells.reduce(0) { $0 + Machine.memoryBytes(of: $1) }
        let resident = try shells.reduce(UInt64(0)) { sum, shell in
            let statm = try String(contentsOfFile: "/proc/\(shell)/statm", encoding: .utf8)
            return sum + (UInt64(statm.split(separator: " ")[1]) ?? 0) * 4_096
        }
        #expect((1..<resident).contains(proportional))
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
    }
}
