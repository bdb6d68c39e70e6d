import Glibc
import Testing

@testable import Continuity
@testable import Linux

struct StateMemoryTests {
    @Test func theNextProcessFindsWhatTheLastOneWrote() throws {
        let descriptor = try SharedMemory.makeFile(name: "test")
        try StateMemory(descriptor: descriptor).bytes.storeBytes(of: 42, toByteOffset: 1 << 20, as: UInt64.self)
        let found = try StateMemory(descriptor: descriptor)
        #expect(found.bytes.load(fromByteOffset: 1 << 20, as: UInt64.self) == 42)
        #expect(found.bytes.load(fromByteOffset: 0, as: UInt64.self) == 0)
    }

    @Test func whatIsGivenBackTakesNoMemory() throws {
        let descriptor = try SharedMemory.makeFile(name: "test")
        let memory = try StateMemory(descriptor: descriptor)
        memory.bytes[0..<(1 << 20)].copyBytes(from: [UInt8](repeating: 1, count: 1 << 20))
        // Only whole pages: those at the edges are still in use.
        memory.release(100..<(1 << 20) - 100)
        var status = stat()
        #expect(fstat(descriptor, &status) == 0)
        #expect(status.st_blocks * 512 == 8192)
        #expect(memory.bytes[0] == 1 && memory.bytes[4096] == 0 && memory.bytes[(1 << 20) - 1] == 1)
    }

    @Test func aDescriptorThatIsNoMemoryIsRefused() {
        #expect(throws: SystemCallFailure.self) { try StateMemory(descriptor: -1) }
    }
}
