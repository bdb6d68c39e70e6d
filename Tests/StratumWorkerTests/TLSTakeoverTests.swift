import StratumProtocol
import TLSRecords
import Testing

@testable import StratumSession
@testable import StratumWorker

/// A successor continues a TLS connection only if its replay makes the records that may have been written.
struct TLSTakeoverTests {
    /// A shard with a pool and two miners with TLS that have logged in, and what the first one seals with.
    private final class Scene {
        let worker = ScriptedWorker()
        private let cipher = RecordCipher()
        private var client: RecordState
        let first: MinerID
        let second: MinerID
        private var requests = 0

        /// - Parameter isEarly: the first miner's login comes behind its handshake.
        init(isEarly: Bool = false, storesMarks: Bool = true) {
            worker.storesMarks = storesMarks
            client = Scene.state(1, .client)
            if let pool = worker.poolConnects() {
                let blob = String(repeating: "0", count: 152)
                worker.says(
                    #"{"id":1,"result":{"id":"s","job":{"blob":"\#(blob)","job_id":"1","target":"ffffff00"}}}"# + "\n",
                    pool)
            }
            var early: [UInt8] = []
            let login = Array((Scene.login + "\n").utf8)
            if isEarly { _ = try? client.seal(login.span, into: &early, with: cipher) }
            first = worker.connect(Scene.state(1, .server), unread: early)
            second = worker.connect(Scene.state(2, .server))
            if !isEarly { says(Scene.login) }
        }

        private static let login = #"{"id":1,"method":"login","params":{"login":"farm","pass":"x"}}"#

        private static func state(_ number: UInt8, _ role: RecordState.Role) -> RecordState {
            let secrets = [[UInt8](repeating: number, count: 32), [UInt8](repeating: ~number, count: 32)]
            let (client, server) = (secrets[0], secrets[1])
            guard
                let state = RecordState(.aes128GCM, as: role, clientSecret: client.span, serverSecret: server.span)
            else { preconditionFailure("the secrets have 32 bytes") }
            return state
        }

        /// The first miner sends a line.
        func says(_ line: String) {
            var record: [UInt8] = []
            let content = Array((line + "\n").utf8)
            _ = try? client.seal(content.span, into: &record, with: cipher)
            worker.reads(record, from: first)
        }

        /// The first miner gets an answer.
        func ask() {
            requests += 1
            says(#"{"id":\#(requests),"method":"keepalived","params":{"id":"x"}}"#)
        }

        /// Whether the successor of a process that ends now continues the first, and the second miner.
        var continued: (Bool, Bool) {
            get throws {
                let takeover = try Takeover.of(UnsafeRawBufferPointer(worker.memory), ScriptedWorker.reading())
                let whole = written(takeover.shard) == written(worker.shard)
                let result = (takeover.shard.canContinue(first), takeover.shard.canContinue(second))
                // A state in which nothing was abandoned is the predecessor's.
                #expect(whole == (result == (true, true)))
                return result
            }
        }
    }

    @Test func aConnectionIsContinuedWhereverTheProcessEnds() throws {
        let scene = Scene()
        #expect(scene.worker.miners[scene.first]?.sent.isEmpty == false)
        #expect(try scene.continued == (true, true))
        for round in 0..<20 {
            scene.ask()
            #expect(try scene.continued == (true, true))
            if round % 7 == 3 { scene.worker.writeDown() }
            #expect(try scene.continued == (true, true))
        }
    }

    @Test(arguments: [false, true])
    func aMarkThatWasNotStoredYetIsThatOfTheTurnBefore(isInSnapshot: Bool) throws {
        let scene = Scene()
        scene.ask()
        if isInSnapshot { scene.worker.writeDown() }
        scene.worker.storesMarks = false
        scene.ask()
        scene.ask()
        #expect(try scene.continued == (true, true))
    }

    @Test func aProcessMayEndRightBehindAHandshake() throws {
        let scene = Scene(isEarly: true, storesMarks: false)
        #expect(scene.worker.miners[scene.first]?.sent.isEmpty == false)
        #expect(try scene.continued == (true, true))
        scene.worker.marks?[scene.first] = 7
        #expect(try scene.continued == (false, true))
    }

    @Test func aMarkThatTheReplayDoesNotMeetEndsThatConnectionAlone() throws {
        let scene = Scene()
        scene.ask()
        guard let marks = scene.worker.marks else { return #expect(Bool(false), "no table") }
        let right = marks[scene.first]
        for wrong in [right ^ 1, right &+ 1, MarkTable.ended, 0x1234_5678] {
            marks[scene.first] = wrong
            #expect(try scene.continued == (false, true))
        }
        marks[scene.first] = right
        #expect(try scene.continued == (true, true))
    }

    @Test func aMarkAheadOfTheSnapshotMustBeInTheLog() throws {
        let scene = Scene()
        scene.worker.writeDown()
        scene.ask()
        guard let marks = scene.worker.marks else { return #expect(Bool(false), "no table") }
        let later = marks[scene.first]
        // The same process, had it read nothing since its snapshot.
        let other = Scene()
        other.worker.writeDown()
        other.worker.marks?[other.first] = later
        #expect(try other.continued == (false, true))
    }

    @Test func theTableKeepsMinersAndPoolsApart() {
        let worker = ScriptedWorker()
        guard let marks = worker.marks else { return #expect(Bool(false), "no table") }
        let miners = [0, 1, 1 << 20 - 1].map { MinerID(index: UInt32($0), generation: 7) }
        let pools = [(0, 0), (0, 255), (1, 0), (4_095, 255)].map {
            PoolConnectionID(upstream: UInt16($0.0), pool: UInt8($0.1), generation: 1)
        }
        for (number, id) in miners.enumerated() { marks[id] = UInt64(100 + number) }
        for (number, id) in pools.enumerated() { marks[id] = UInt64(200 + number) }
        #expect(miners.map { marks[$0] } == [100, 101, 102])
        #expect(pools.map { marks[$0] } == [200, 201, 202, 203])
        #expect(MarkTable(endOf: UnsafeMutableRawBufferPointer(rebasing: worker.memory[..<(1 << 20)])) == nil)
    }
}
