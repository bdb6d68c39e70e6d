import Foundation
import Glibc
import TestSupport
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
    @Test(arguments: ["@millrace-test-\(getpid())", "\(NSTemporaryDirectory())/millrace-notify-\(getpid())"])
    func readinessAndStoppingAreSaidAsDatagrams(name: String) throws {
        unlink(name)
        let manager = try NotifySocket(at: name)
        defer { unlink(name) }
        let service = try #require(ServiceManager(address: name))
        service.sayReady(status: "2 shards")
        #expect(manager.messages() == ["READY=1\nSTATUS=2 shards\nMAINPID=\(getpid())\n"])
        service.sayStopping()
        #expect(manager.messages() == ["STOPPING=1\nSTATUS=stopping\n"])
        service.say(status: "1 shard of 2")
        #expect(manager.messages() == ["STATUS=1 shard of 2\n"])
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
