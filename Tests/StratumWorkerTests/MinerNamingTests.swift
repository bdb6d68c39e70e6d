import Configuration
import Telemetry
import Testing

@testable import StratumSession
@testable import StratumWorker

/// docs/COMPATIBILITY.md, "Worker names".
@Suite struct MinerNamingTests {
    private static let full = MinerIntroduction(
        address: "10.0.0.9", login: "farm+5000", password: "secret", agent: "XMRig/6", rigID: "rack7")
    private static let bare = MinerIntroduction(address: "10.0.0.9", login: "farm")
    private static let empty = MinerIntroduction(
        address: "10.0.0.9", login: "farm", password: "", agent: "", rigID: "")

    private func worker(_ miner: MinerIntroduction, _ mode: Settings.WorkerNaming) -> String? {
        MinerNaming(mode: mode).worker(of: miner)
    }

    private func joined(_ miner: MinerIntroduction, _ mode: Settings.WorkerNaming) -> MinerJoined {
        EventTranslation(shard: 3, naming: MinerNaming(mode: mode)).joined(miner, key: 7)
    }

    @Test(
        arguments: zip(
            Settings.WorkerNaming.allCases, [nil, "rack7", "farm+5000", "secret", "XMRig/6", "10.0.0.9"] as [String?]))
    func eachModeNamesTheRowAfterItsField(mode: Settings.WorkerNaming, name: String?) {
        #expect(worker(MinerNamingTests.full, mode) == name)
    }

    @Test(
        arguments: zip(
            Settings.WorkerNaming.allCases, [nil, "farm", "farm", "unknown", "unknown", "10.0.0.9"] as [String?]))
    func aMissingFieldIsUnknownAndAMissingRigIsItsLogin(mode: Settings.WorkerNaming, name: String?) {
        #expect(worker(MinerNamingTests.bare, mode) == name)
    }

    @Test(
        arguments: zip(
            Settings.WorkerNaming.allCases, [nil, "farm", "farm", "", "", "10.0.0.9"] as [String?]))
    func anEmptyFieldIsANameExceptForARig(mode: Settings.WorkerNaming, name: String?) {
        #expect(worker(MinerNamingTests.empty, mode) == name)
    }

    @Test(
        arguments: zip(
            Settings.WorkerNaming.allCases, [nil, "unknown", "unknown", "unknown", "unknown", "::1"] as [String?]))
    func aMinerWithoutAnyNameIsUnknown(mode: Settings.WorkerNaming, name: String?) {
        #expect(worker(MinerIntroduction(address: "::1", login: ""), mode) == name)
    }

    @Test func theDifficultyStaysInTheName() {
        #expect(worker(MinerIntroduction(address: "::1", login: "a+b+100"), .rigID) == "a+b+100")
    }

    @Test func theCollectorHearsOfLoginAndRigAndNotOfThePassword() {
        for mode in Settings.WorkerNaming.allCases where mode != .password {
            let event = joined(MinerNamingTests.full, mode)
            #expect(event.key == 7)
            #expect(event.shard == 3)
            #expect(event.user == "farm+5000")
            #expect(event.rigID == "rack7")
            #expect(!"\(event)".contains("secret"))
        }
        #expect(joined(MinerNamingTests.bare, .none).rigID == "")
    }

    @Test func itHearsOfAddressAndAgentWhateverNamesTheRow() {
        let event = joined(MinerNamingTests.full, .none)
        #expect(event.worker == nil)
        #expect(event.ip == "10.0.0.9")
        #expect(event.agent == "XMRig/6")
        #expect(joined(MinerNamingTests.bare, .none).agent == "")
    }

    // MARK: - In log lines

    @Test(
        arguments: zip(
            Settings.WorkerNaming.allCases, [nil, "rack7", "farm+5000", nil, "XMRig/6", "10.0.0.9"] as [String?]))
    func logLinesNameTheWorkerButNeverByItsPassword(mode: Settings.WorkerNaming, name: String?) {
        #expect(MinerNaming(mode: mode).logName(of: MinerNamingTests.full) == name)
    }

    @Test(arguments: [
        ("rack 7 ip=1.2.3.4", "rack_7_ip=1.2.3.4"), ("a\u{1b}[2Jb\n", "a?[2Jb?"), ("\u{202e}kcar\u{2028}", "?kcar?"),
        ("\u{85}\u{a0}x", "?_x"), (String(repeating: "w", count: 300), String(repeating: "w", count: 64)),
        ("räck-7", "räck-7"),
    ])
    func aNameOfAMinerCannotLookLikeSomethingElseInALogLine(_ rig: String, _ shown: String) {
        let miner = MinerIntroduction(address: "::1", login: "x", rigID: rig)
        #expect(MinerNaming(mode: .rigID).logName(of: miner) == shown)
    }
}
