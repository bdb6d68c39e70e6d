import Foundation
import Glibc
import Testing

@testable import ApiDocuments
@testable import ApiGateway

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
