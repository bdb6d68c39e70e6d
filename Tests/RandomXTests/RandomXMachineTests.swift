import RandomX
import Testing

/// The vectors are those of the RandomX reference implementation's own tests (BSD licence).
struct RandomXMachineTests {
    @Test func hashesAreThoseOfTheReferenceAndTheKeyMayChange() {
        var machine = RandomXMachine(RandomXCaches())
        let first = "639183aae1bf4c9a35884cb46b09cad9175f04efd7684e7262a0ac1c2f0b4e3f"
        let hashes = [
            hash(&machine, "This is a test", key: "test key 000"),
            hash(&machine, "sed do eiusmod tempor incididunt ut labore et dolore magna aliqua", key: "test key 001"),
            hash(&machine, "This is a test", key: "test key 000"),
        ]
        #expect(hashes == [first, "e9ff4503201c0c2cca26d285c93ae883f9b1d30c9eb240b820756f2d5a7905fc", first])
    }

    @Test func aMachineKeepsItsKeyWhileAnotherTakesANewOne() {
        let caches = RandomXCaches()
        var one = RandomXMachine(caches)
        let before = hash(&one, "This is a test", key: "test key 000")
        var other = RandomXMachine(caches)
        let others = hash(&other, "This is a test", key: "test key 001")
        let after = hash(&one, "This is a test", key: "test key 000")
        #expect(others != before && after == before)
    }

    private func hash(_ machine: inout RandomXMachine, _ text: String, key: String) -> String {
        let hash = machine.hash(Array(text.utf8).span, key: Array(key.utf8))
        var digits = ""
        for index in 0..<32 {
            let byte = String(hash[index], radix: 16)
            digits += byte.count < 2 ? "0" + byte : byte
        }
        return digits
    }
}
