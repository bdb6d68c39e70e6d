internal import Addresses
package import ApiDocuments
internal import Peers
package import Telemetry

extension Hashrates {
    /// In H/s, in the order of the columns.
    package init(_ rates: Double...) {
        self.init()
        oneMinute = rates[0]
        tenMinutes = rates[1]
        oneHour = rates[2]
        twelveHours = rates[3]
        oneDay = rates[4]
        allTime = rates.count > 5 ? rates[5] : 0
    }
}

extension Snapshot {
    /// What the samples of the original description show, put into a snapshot.
    package static var ofSeed: Snapshot {
        var snapshot = Snapshot()
        snapshot.servedMilliseconds = 274_000
        snapshot.minersNow = 1
        snapshot.minersMax = 1
        snapshot.upstreams = UpstreamCounts(active: 1, sleeping: 2, error: 3)
        snapshot.results.accepted = 9
        snapshot.results.latencyMilliseconds = 86
        snapshot.results.hashesTotal = 18000
        snapshot.results.best = [62072, 16792, 8239, 7117, 3872, 2776, 2350, 2327, 2076, 0]
        var worker = WorkerRow(name: "x", ip: "192.168.1.2")
        worker.connections = 1
        worker.accepted = 14
        worker.hashes = 28000
        worker.lastShareAt = 1_506_315_222_361
        worker.hashrates = Hashrates(109, 0, 0, 0, 0)
        snapshot.workers = [worker]
        return snapshot
    }

    /// A small farm: the example of docs/API.md.
    package static var ofFarm: Snapshot {
        var snapshot = Snapshot()
        snapshot.sequence = 7
        snapshot.startedAt = 1_790_000_000_000
        snapshot.time = snapshot.startedAt + 86_000_000
        snapshot.servedMilliseconds = farmUptime * 1_000
        snapshot.minersNow = 300
        snapshot.minersMax = 312
        snapshot.upstreams = UpstreamCounts(active: 7, sleeping: 1, error: 0)
        snapshot.hashrates = Hashrates(3_012_340, 2_998_000, 2_990_010, 1_400_500, 700_250.7, 703_000)
        snapshot.results.accepted = 1_204
        snapshot.results.rejected = 3
        snapshot.results.invalid = 11
        snapshot.results.expired = 4
        snapshot.results.hashesTotal = 60_200_000
        snapshot.results.latencyMilliseconds = 41
        snapshot.results.best = [
            9_812_345, 6_120_720, 812_390, 711_700, 387_200, 277_600, 235_000, 232_700, 207_600, 0,
        ]
        snapshot.results.errors = [
            ErrorLogEntry(count: 711, text: "Low difficulty share"), ErrorLogEntry(count: 1, text: "Block expired"),
        ]
        var rack = WorkerRow(name: "rack7-03", ip: "10.0.7.3")
        rack.connections = 2
        rack.accepted = 41
        rack.rejected = 1
        rack.invalid = 2
        rack.hashes = 2_050_000
        rack.lastShareAt = 1_790_085_999_123
        rack.hashrates = Hashrates(12_340, 12_000, 11_995, 5_005, 2_509)
        var gone = WorkerRow(name: "laptop", ip: "2001:db8::17")
        gone.accepted = 1
        gone.hashes = 50_000
        gone.lastShareAt = 1_790_040_000_000
        gone.hashrates.oneDay = 10
        // Looked in once, never found a share.
        let visitor = WorkerRow(name: "visitor", ip: "10.0.9.9")
        snapshot.workers = [rack, gone, visitor]
        return snapshot
    }

    /// Seconds between start and snapshot of the farm.
    package static let farmUptime: UInt64 = 86_000
}

extension Identity {
    package static let ofSeed = Identity(
        id: "85ae231636d180c3", workerID: "proxy", version: "2.4.0-dev",
        userAgent: "xmrig-proxy/2.4.0-dev (Windows NT 10.0; Win64; x64) libuv/1.13.1 gcc/7.1.0")

    package static let ofFarm = Identity(
        id: "2f1b6d3c9a80e754", workerID: "farm-1", version: "0.1.0",
        userAgent: "millrace/0.1.0 (Linux x86_64) libmicrohttpd/0.9.75 swift/6.3")
}

extension MachineReadings {
    package static let ofFarm = {
        var readings = MachineReadings()
        readings.memoryFree = 6_871_947_673
        readings.memoryTotal = 8_589_934_592
        readings.serviceResident = 41_943_040
        readings.loadAverage = [Hundredths(29), Hundredths(20), Hundredths(100)]
        readings.processors = 4
        return readings
    }()
}

extension PeerFacts {
    /// A farm, a customer with IPv6, and somebody who is banned.
    package static var ofFarm: PeerFacts {
        var farm = PeerReport(network: Network("192.0.2.7")!)
        (farm.connections, farm.connects, farm.logins, farm.requests) = (280, 4, 3, 93)
        (farm.goodShares, farm.badShares, farm.unsentBytes) = (78, 1, 0)
        farm.refusals = [0, 0, 0, 0, 0]
        var home = PeerReport(network: Network("2001:db8:0:7::1")!)
        (home.connections, home.waiting, home.unsentBytes) = (20, 1, 1_460)
        home.refusals = [0, 0, 0, 2, 0]
        var stranger = PeerReport(network: Network("203.0.113.9")!)
        stranger.refusals = [0, 71, 0, 0, 1_204]
        (stranger.bannedSeconds, stranger.bans) = (431, 1)
        var facts = PeerFacts()
        facts.peers = [stranger, farm, home]
        facts.refused = [12, 71, 0, 2, 1_204]
        return facts
    }
}
