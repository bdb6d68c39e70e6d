import Glibc

@testable import EventBus
@testable import Telemetry

func share(_ number: UInt64) -> ShareSettled {
    ShareSettled(
        miner: number, time: 0, outcome: .accepted, difficulty: 10, creditedDifficulty: 10, actualDifficulty: number)
}

func joined(_ key: MinerKey) -> MinerJoined {
    MinerJoined(key: key, worker: "rig-\(key)", ip: "192.0.2.1", agent: "")
}

/// What has come out of a subscriber, and the clock of the one that drives both ends by hand.
struct Harness {
    var news: [SequenceGate.Delivery] = []
    var gauges: [ShardGauges] = []
    private let began = Harness.milliseconds()

    /// The numbers of the shares that arrived, in the order of arrival.
    var shares: [UInt64] {
        news.flatMap { item -> [UInt64] in
            guard case .events(_, let events) = item else { return [] }
            return events.compactMap { if case .share(let share) = $0 { share.actualDifficulty } else { nil } }
        }
    }

    var lost: UInt64 { news.reduce(0) { if case .lost(_, let count) = $1 { $0 + count } else { $0 } } }

    /// Lets both ends work until `isDone`, but not for ever: the kernel and ZeroMQ's threads take their time.
    mutating func turn(
        _ subscriber: EventSubscriber, _ publisher: EventPublisher?, live: [MinerJoined] = [],
        until isDone: (Harness) -> Bool
    ) -> Bool {
        let deadline = Harness.milliseconds() + 20_000
        var rounds = 0
        while Harness.milliseconds() < deadline {
            rounds += 1
            // As a shard does once a second: what was lost at the end of the stream shows with the next event.
            if rounds % 100 == 0 {
                publisher?.record(Checkpoint())
                publisher?.flush()
            }
            publisher?.serveRequests { live }
            subscriber.receive(at: Harness.milliseconds(), gauges: { gauges.append($0) }, handle: { news += $0 })
            if isDone(self) { return true }
            usleep(1_000)
        }
        return false
    }

    static func milliseconds() -> UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return UInt64(now.tv_sec) * 1_000 + UInt64(now.tv_nsec) / 1_000_000
    }
}
