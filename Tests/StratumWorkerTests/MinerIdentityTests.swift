import Configuration
import StratumProtocol
import Testing

@testable import StratumWorker

/// behaviour.md §13.
@Suite struct MinerIdentityTests {
    private static let full = LoginRequest(
        id: 1, login: "farm+5000", password: "secret", agent: "XMRig/6", rigID: "rack7")
    private static let bare = LoginRequest(id: 1, login: "farm")
    private static let empty = LoginRequest(id: 1, login: "farm", password: "", agent: "", rigID: "")

    private func worker(_ login: LoginRequest, _ naming: Settings.WorkerNaming) -> String? {
        MinerIdentity(login, ip: "10.0.0.9", naming: naming).worker
    }

    @Test(
        arguments: zip(
            Settings.WorkerNaming.allCases, [nil, "rack7", "farm+5000", "secret", "XMRig/6", "10.0.0.9"] as [String?]))
    func eachModeNamesTheRowAfterItsField(mode: Settings.WorkerNaming, name: String?) {
        #expect(worker(MinerIdentityTests.full, mode) == name)
    }

    @Test(
        arguments: zip(
            Settings.WorkerNaming.allCases, [nil, "farm", "farm", "unknown", "unknown", "10.0.0.9"] as [String?]))
    func aMissingFieldIsUnknownAndAMissingRigIsItsLogin(mode: Settings.WorkerNaming, name: String?) {
        #expect(worker(MinerIdentityTests.bare, mode) == name)
    }

    @Test(
        arguments: zip(
            Settings.WorkerNaming.allCases, [nil, "farm", "farm", "", "", "10.0.0.9"] as [String?]))
    func anEmptyFieldIsANameExceptForARig(mode: Settings.WorkerNaming, name: String?) {
        #expect(worker(MinerIdentityTests.empty, mode) == name)
    }

    @Test func theDifficultyStaysInTheName() {
        #expect(worker(LoginRequest(id: 1, login: "a+b+100"), .rigID) == "a+b+100")
    }

    @Test func loginAndRigAreKeptAndThePasswordIsNot() {
        for naming in Settings.WorkerNaming.allCases where naming != .password {
            let identity = MinerIdentity(MinerIdentityTests.full, ip: "::1", naming: naming)
            #expect(identity.user == "farm+5000")
            #expect(identity.rigID == "rack7")
            #expect(!"\(identity)".contains("secret"))
        }
        #expect(MinerIdentity(MinerIdentityTests.bare, ip: "::1", naming: .none).rigID == "")
    }

    @Test func addressAndAgentAreKeptWhateverNamesTheRow() {
        let identity = MinerIdentity(MinerIdentityTests.full, ip: "::1", naming: .none)
        #expect(identity.ip == "::1")
        #expect(identity.agent == "XMRig/6")
        #expect(MinerIdentity(MinerIdentityTests.bare, ip: "::1", naming: .none).agent == "")
    }
}
