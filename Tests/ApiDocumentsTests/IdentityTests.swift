import Configuration
import Testing

@testable import ApiDocuments

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
