import Configuration
import EventLoop
import Glibc
import Logging
import Testing

@testable import Supervisor

/// The sockets before, during and after a change of the addresses. Each test has its own address.
@Suite struct ShardSocketsTests {
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func bind(_ host: String, _ port: UInt16 = 0) -> Settings.Bind { Settings.Bind(host: host, port: port) }

    private func isOpen(_ descriptor: Int32) -> Bool { fcntl(descriptor, F_GETFD) != -1 }

    private func isListening(_ descriptor: Int32) -> Bool {
        var (value, size): (Int32, socklen_t) = (0, socklen_t(MemoryLayout<Int32>.size))
        return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value == 1
    }

    private func closeAll(_ sockets: inout ShardSockets) {
        sockets.closeFormer()
        sockets.resize(to: 0)
    }

    @Test func anAddressThatStaysKeepsItsVerySocketsAndANewOneOnlyReserves() throws {
        var sockets = try ShardSockets(binds: [bind("127.1.0.1"), bind("127.1.0.2")], shards: 2, log: log)
        let before = (0..<2).map { sockets.descriptors(of: $0) }
        let rebound = try sockets.rebound(to: [bind("127.1.0.3"), bind("127.1.0.2")], log: log)
        #expect(rebound.binds.map(\.host) == ["127.1.0.3", "127.1.0.2"])
        #expect(rebound.formerBinds.map(\.host) == ["127.1.0.1"])
        for shard in 0..<2 {
            let now = rebound.descriptors(of: shard)
            #expect(now.count == 3 && now[1] == before[shard][1] && now[2] == before[shard][0])
            #expect(!isListening(now[0]) && isListening(now[1]) && isListening(now[2]))
        }
        sockets = rebound
        sockets.closeFormer()
        #expect(sockets.descriptors(of: 0).count == 2 && !isOpen(before[0][0]) && isOpen(before[0][1]))
        closeAll(&sockets)
    }

    @Test func anAddressThatIsWantedAgainHasTheSocketsThatItHad() throws {
        var sockets = try ShardSockets(binds: [bind("127.1.1.1")], shards: 1, log: log)
        let first = sockets.descriptors(of: 0)
        sockets = try sockets.rebound(to: [bind("127.1.1.2")], log: log)
        sockets = try sockets.rebound(to: [bind("127.1.1.1")], log: log)
        #expect(sockets.descriptors(of: 0).first == first.first)
        #expect(sockets.formerBinds.map(\.host) == ["127.1.1.2"])
        closeAll(&sockets)
    }

    @Test func oneAddressThatCannotBeHadRefusesAllOfThem() throws {
        var sockets = try ShardSockets(binds: [bind("127.1.2.1")], shards: 2, log: log)
        let stranger = try ListeningSocket.open(SocketAddress(host: "127.1.2.9", port: 0), sharedPort: false)
        defer { close(stranger) }
        let port = try ListeningSocket.address(of: stranger).port
        do throws(StartFailure) {
            _ = try sockets.rebound(to: [bind("127.1.2.2"), bind("127.1.2.9", port)], log: log)
            Issue.record("taken")
        } catch {
            #expect(error.message.hasPrefix("bind: 127.1.2.9:\(port): address already in use"), "\(error.message)")
        }
        #expect(sockets.formerBinds.isEmpty && sockets.descriptors(of: 1).count == 1)
        closeAll(&sockets)
    }

    @Test func anotherAddressOfOurOwnPortIsNotTakenForSomebodyElses() throws {
        var sockets = try ShardSockets(binds: [bind("0.0.0.0")], shards: 1, log: log)
        let port = sockets.binds[0].port
        let rebound = try sockets.rebound(to: [bind("127.1.3.1", port)], log: log)
        #expect(rebound.binds == [bind("127.1.3.1", port)] && rebound.formerBinds == [bind("0.0.0.0", port)])
        sockets = rebound
        closeAll(&sockets)
    }

    @Test func aShardThatLostItsSocketsGetsThoseOfThePresentAddresses() throws {
        var sockets = try ShardSockets(binds: [bind("127.1.4.1")], shards: 2, log: log)
        sockets.close(shard: 1)
        sockets = try sockets.rebound(to: [bind("127.1.4.2")], log: log)
        #expect(sockets.descriptors(of: 1) == [])
        try sockets.open(shard: 1)
        let address = try ListeningSocket.address(of: sockets.descriptors(of: 1)[0])
        #expect(address.port == sockets.binds[0].port && address.host == "127.1.4.2")
        sockets.resize(to: 3)
        #expect(sockets.descriptors(of: 2) == [])
        try sockets.open(shard: 2)
        let opened = sockets.descriptors(of: 2)
        sockets.resize(to: 1)
        #expect(opened.allSatisfy { !isOpen($0) } && sockets.shards == 1)
        closeAll(&sockets)
    }

    @Test func anotherSupervisorGoesOnWithThemInTheMidstOfAChange() throws {
        var sockets = try ShardSockets(binds: [bind("127.1.5.1")], shards: 2, log: log)
        sockets.close(shard: 0)
        sockets = try sockets.rebound(to: [bind("127.1.5.2"), bind("127.1.5.3")], log: log)
        let adopted = try ShardSockets(adopting: sockets.handed)
        #expect(adopted.handed == sockets.handed)
        for shard in 0..<2 { #expect(adopted.descriptors(of: shard) == sockets.descriptors(of: shard)) }
        #expect(Set(sockets.handed.open) == Set(sockets.descriptors(of: 1)))
        #expect(try adopted.rebound(to: [bind("127.1.5.2"), bind("127.1.5.3")], log: log).handed == sockets.handed)
        closeAll(&sockets)
    }
}
