import Foundation
import Glibc
import Testing

@testable import Linux

@Suite struct ThisProcessTests {
    /// The note as `readelf --notes` shows it: the name "GNU", type 3, then the id. It is in the file exactly once.
    @Test func theBuildIDIsTheOneInTheFileOfTheProgram() throws {
        let id = try #require(ThisProcess.buildID)
        #expect(id.count >= 8 && Set(id) != [0])
        let file = try Data(contentsOf: URL(filePath: "/proc/self/exe"), options: .alwaysMapped)
        let header = [UInt32(4), UInt32(id.count), 3].flatMap { word in
            (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
        }
        #expect(file.range(of: Data(header + Array("GNU\0".utf8) + id)) != nil)
    }

    @Test func aProcessDescriptorNamesTheProcessUntilItIsGone() throws {
        #expect(throws: SystemCallFailure.self) { try ProcessDescriptor.open(-1) }
        let descriptor = try ProcessDescriptor.open(getpid())
        defer { close(descriptor) }
        var interest = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        #expect(poll(&interest, 1, 0) == 0)
    }

    @Test func aWaitStatusIsAnExitOrASignal() {
        #expect(WaitStatus(3 << 8).signal == 0 && WaitStatus(3 << 8).exitCode == 3)
        #expect(WaitStatus(SIGKILL).signal == SIGKILL)
    }

    @Test func sharedMemoryIsOneForAllWhoMapItAndReadsAsZeroOnceReleased() throws {
        let descriptor = try SharedMemory.makeFile(name: "millrace-test")
        defer { close(descriptor) }
        #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
        let one = try SharedMemory.map(descriptor, byteCount: 16_384)
        let other = try SharedMemory.map(descriptor, byteCount: 16_384)
        defer {
            SharedMemory.unmap(one)
            SharedMemory.unmap(other)
        }
        one[5_000] = 7
        one[100] = 9
        #expect(other[5_000] == 7)
        SharedMemory.release(descriptor, 4_096..<8_192)
        #expect(other[5_000] == 0 && other[100] == 9)
        #expect(throws: SystemCallFailure.self) { try SharedMemory.map(-1, byteCount: 4_096) }
    }
}
