import TestSupport
import Testing

@testable import Telemetry

/// Shares that a shard refuses itself take one event for each miner and reason and second.
struct RefusalSumsTests {
    private func log() -> EventLog {
        EventLog(shard: 3, epoch: Sample.epoch, bytesMax: 1 << 24)
    }

    private func refused(
        _ miner: MinerKey, _ reason: RefusalReason = .lowDifficulty, expired: Bool = false,
        at time: UInt64 = Sample.start
    ) -> ShareSettled {
        ShareSettled(
            miner: miner, time: time, outcome: .invalid, reason: reason, isExpired: expired, difficulty: 1_000,
            creditedDifficulty: 1_000, actualDifficulty: 7)
    }

    /// All events of the log, as a collector reads them.
    private func events(_ log: EventLog) throws -> [ShardEvent] {
        var messages: [[UInt8]] = []
        var events: [ShardEvent] = []
        while UInt64(events.count) < log.next {
            let request = ReplayRequest(shard: 3, epoch: log.epoch, from: UInt64(events.count), number: 1)
            log.answer(request, liveMiners: { [] }, send: { messages.append($0) })
            for bytes in messages {
                guard case .events(let frame) = try BusMessage(decoding: bytes) else { continue }
                events += frame.events
            }
            messages = []
        }
        return events
    }

    private func shares(_ log: EventLog) throws -> [ShareSettled] {
        try events(log).compactMap { if case .share(let share) = $0 { share } else { nil } }
    }

    // MARK: - When they are told

    @Test func aCrowdOfRefusedMinersTakesOneEventForEachMinerAndSecond() throws {
        var log = log()
        for second in 0..<3 {
            for round in 0..<20 {
                for miner in 1...64 {
                    log.settle(refused(UInt64(miner), at: Sample.start + UInt64(second * 1_000 + round)))
                }
            }
            #expect(log.next == UInt64(second * 65))
            log.append(Sample.checkpoint)
        }
        let shares = try shares(log)
        #expect(shares.count == 3 * 64)
        #expect(shares.allSatisfy { $0.count == 20 })
        #expect(shares.prefix(64).allSatisfy { $0.time == Sample.start + 19 })
        #expect(log.counters.invalid == 3 * 64 * 20)
    }

    @Test func aCheckpointCountsTheRefusalsBeforeIt() throws {
        var log = log()
        for _ in 0..<7 { log.settle(refused(1)) }
        log.append(Sample.checkpoint)
        log.append(Sample.checkpoint)
        let invalid = try events(log).compactMap {
            if case .checkpoint(let told) = $0 { told.counters.invalid } else { nil }
        }
        #expect(invalid == [7, 7])
        #expect(log.next == 3)
    }

    @Test func whatAPoolHasJudgedIsToldAtOnce() throws {
        var log = log()
        log.settle(refused(1))
        log.settle(Sample.accepted())
        log.settle(Sample.share(.rejected, .pool))
        log.settle(Sample.share(.local, .none))
        #expect(try shares(log).map(\.outcome) == [.accepted, .rejected, .local])
    }

    @Test func refusalsAreToldBeforeTheirMinerLeavesAndOnlyTheirs() throws {
        var log = log()
        for reason in [RefusalReason.duplicate, .staleJob, .duplicate, .badGateway] { log.settle(refused(2, reason)) }
        for _ in 0..<3 { log.settle(refused(1)) }
        log.append(MinerLeft(key: 2))
        let told = try events(log)
        #expect(told.count == 4)
        #expect(told.last == .left(MinerLeft(key: 2)))
        #expect(try shares(log).map(\.reason) == [.duplicate, .staleJob, .badGateway])
        #expect(try shares(log).map(\.count) == [2, 1, 1])
        // Its pool is lost after it has gone.
        log.settle(refused(2, .poolLost))
        log.settle(refused(2, .duplicate))
        log.append(Sample.checkpoint)
        #expect(try shares(log).dropFirst(3).map(\.miner) == [2, 1, 2])
        #expect(try shares(log).dropFirst(3).map(\.count) == [1, 3, 1])
        #expect(log.counters.invalid == 9)
    }

    @Test func reasonsAndLatenessAreSummedApart() throws {
        var log = log()
        for reason in RefusalReason.allCases {
            for expired in [false, true, true] { log.settle(refused(1, reason, expired: expired)) }
        }
        log.append(Sample.checkpoint)
        let shares = try shares(log)
        #expect(shares.map(\.reason) == RefusalReason.allCases.flatMap { [$0, $0] })
        #expect(shares.map(\.count) == RefusalReason.allCases.flatMap { _ in [1, 2] as [UInt32] })
        #expect(log.counters.expired == UInt64(2 * RefusalReason.allCases.count))
    }

    // MARK: - Limits

    @Test(arguments: [65_535, 65_536, 65_537, 200_000]) func aSumTakesNoMoreThanItsRecordHasRoomFor(count: Int) throws {
        var log = log()
        for _ in 0..<count { log.settle(refused(1)) }
        log.append(Sample.checkpoint)
        let counts = try shares(log).map { Int($0.count) }
        #expect(counts.reduce(0, +) == count)
        #expect(counts.count == (count + 65_535) / 65_536)
        #expect(log.counters.invalid == UInt64(count))
    }

    @Test func beyondTheTableAllAreToldAtOnce() throws {
        var log = log()
        let count = RefusalSums.sumsMax + 5
        for miner in 0..<count { log.settle(refused(UInt64(miner))) }
        #expect(log.next == UInt64(RefusalSums.sumsMax))
        log.append(Sample.checkpoint)
        #expect(try shares(log).map(\.miner) == (0..<count).map { UInt64($0) })
        #expect(log.refusals.isEmpty)
    }

    // MARK: - By chance

    private struct Kind: Hashable {
        var miner: MinerKey
        var reason: RefusalReason
        var isExpired: Bool
    }

    /// Whatever happens, each refused share is told once, before its miner leaves; and a log that is written and read again at
    /// any moment tells the same events as one that goes on.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func everyShareIsToldOnceAlsoByASuccessor(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var (log, twin) = (log(), log())
        var owed: [Kind: Int] = [:]
        let miners = UInt64([3, 40, 700][Int(seed % 3)])
        for step in 0..<4_000 {
            let miner = UInt64.random(in: 1...miners, using: &generator)
            switch Int.random(in: 0..<1_000, using: &generator) {
            case 0..<5:
                log.append(Sample.checkpoint)
                twin.append(Sample.checkpoint)
            case 5..<20:
                log.append(MinerLeft(key: miner))
                twin.append(MinerLeft(key: miner))
            case 20..<100:
                log.settle(Sample.accepted(miner))
                twin.settle(Sample.accepted(miner))
            default:
                let reason = RefusalReason(rawValue: UInt8.random(in: 1...7, using: &generator)) ?? .none
                let share = refused(miner, reason, expired: generator.chance(20), at: Sample.start + UInt64(step))
                owed[Kind(miner: miner, reason: reason, isExpired: share.isExpired), default: 0] += 1
                log.settle(share)
                twin.settle(share)
            }
            if generator.chance(2) { log = try EventLog(written: log.written(), bytesMax: 1 << 24) }
        }
        log.append(Sample.checkpoint)
        twin.append(Sample.checkpoint)
        for event in try events(log) {
            guard case .share(let share) = event, share.outcome == .invalid else { continue }
            owed[Kind(miner: share.miner, reason: share.reason, isExpired: share.isExpired), default: 0] -= Int(
                share.count)
        }
        let isEven = owed.values.allSatisfy { $0 == 0 }
        #expect(isEven)
        let isAlike = log.written() == twin.written()
        #expect(isAlike)
    }

    // MARK: - Written

    private var written: [UInt8] {
        var log = log()
        for miner in 1...5 as ClosedRange<UInt64> {
            log.settle(refused(miner))
            log.settle(refused(miner, .duplicate, expired: true))
        }
        log.append(MinerLeft(key: 3))
        return log.written()
    }

    @Test func everyTruncationIsRefused() {
        let written = written
        // Without any sum it is a log of an older program.
        let bare = written.count - (4 + 10 * 60)
        for count in bare + 1..<written.count {
            #expect(throws: DecodingFailure.self) { _ = try EventLog(written: Array(written.prefix(count))) }
        }
        #expect(throws: Never.self) { _ = try EventLog(written: Array(written.prefix(bare))) }
        #expect(throws: DecodingFailure.trailingBytes) { _ = try EventLog(written: written + [0]) }
    }

    @Test(arguments: 1...5 as ClosedRange<UInt64>) func damageIsRefusedOrLeavesALogThatWorks(seed: UInt64) {
        let written = written
        var generator = SeededGenerator(seed: seed)
        var refused = 0
        for _ in 0..<400 {
            var damaged = written
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let place = Int.random(in: (written.count - 604)..<written.count, using: &generator)
                damaged[place] = UInt8.random(in: 0...255, using: &generator)
            }
            guard var log = try? EventLog(written: damaged) else {
                refused += 1
                continue
            }
            for miner in 1...9 as ClosedRange<UInt64> { log.settle(self.refused(miner)) }
            log.append(MinerLeft(key: 2))
            log.append(Sample.checkpoint)
            _ = log.written()
        }
        #expect(refused > 20)
    }

    @Test func aSumThatIsThereTwiceOrOfAnAcceptedShareIsRefused() {
        let written = written
        let last = Array(written.suffix(60))
        var twice = written
        twice.replaceSubrange(twice.count - 120..<twice.count - 60, with: last)
        #expect(throws: DecodingFailure.invalidField) { _ = try EventLog(written: twice) }
        for outcome in [ShareOutcome.accepted, .rejected, .local] {
            var other = written
            other[other.count - 55] = outcome.rawValue
            #expect(throws: DecodingFailure.invalidField) { _ = try EventLog(written: other) }
        }
    }
}
