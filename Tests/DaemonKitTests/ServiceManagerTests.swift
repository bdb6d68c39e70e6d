import Foundation
import Glibc
import Testing

@testable import DaemonKit

@Suite struct ExitCodeTests {
    /// Scripts and service files depend on these numbers.
    @Test func theNumbersAreAContract() {
        #expect(ExitCode.stopped.rawValue == 0)
        #expect(ExitCode.failed.rawValue == 1)
        #expect(ExitCode.badConfiguration.rawValue == 2)
        #expect(ExitCode.childFailed.rawValue == 3)
        #expect(ExitCode.cannotListen.rawValue == 4)
        #expect(ExitCode.badInstallation.rawValue == 5)
        #expect(ExitCode.usage.rawValue == 64)
    }
}

@Suite struct ServiceManagerTests {
    /// A datagram socket under `name` (a path, or '@…' for an abstract one) that plays the service manager.
    private func listen(at name: String) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { path in
            path.copyBytes(from: name.utf8)
            if path[0] == UInt8(ascii: "@") { path[0] = 0 }
        }
        let size = socklen_t(MemoryLayout<sa_family_t>.size + name.utf8.count)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
        }
        try #require(bound == 0)
        return descriptor
    }

    private func receive(_ descriptor: Int32) -> String? {
        var buffer = [UInt8](repeating: 0, count: 512)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count < 0 ? nil : String(decoding: buffer.prefix(count), as: UTF8.self)
    }

    @Test(arguments: ["@millrace-test-\(getpid())", "\(NSTemporaryDirectory())/millrace-notify-\(getpid())"])
    func readinessAndStoppingAreSaidAsDatagrams(name: String) throws {
        unlink(name)
        let manager = try listen(at: name)
        defer {
            close(manager)
            unlink(name)
        }
        let service = try #require(ServiceManager(address: name))
        service.sayReady(status: "2 shards")
        #expect(receive(manager) == "READY=1\nSTATUS=2 shards\nMAINPID=\(getpid())\n")
        service.sayStopping()
        #expect(receive(manager) == "STOPPING=1\nSTATUS=stopping\n")
        service.say(status: "1 shard of 2")
        #expect(receive(manager) == "STATUS=1 shard of 2\n")
        #expect(receive(manager) == nil)
    }

    @Test(arguments: [nil, "", "relative/path", "vsock:2:1", String(repeating: "/x", count: 60)])
    func anAddressThatIsNoneIsNoServiceManager(address: String?) {
        #expect(ServiceManager(address: address) == nil)
    }

    @Test func aManagerThatIsNotThereIsNoHarm() throws {
        let service = try #require(ServiceManager(address: "/nonexistent/notify"))
        service.sayReady(status: "")
    }
}
