import DaemonKit
import Testing

struct CountedTests {
    @Test(arguments: [(0, "0 miners"), (1, "1 miner"), (2, "2 miners"), (21, "21 miners"), (-1, "-1 miners")])
    func oneIsSingular(_ number: Int, _ text: String) {
        #expect(counted(number, "miner") == text)
        #expect(counted(UInt64(1), "share") == "1 share")
    }
}
