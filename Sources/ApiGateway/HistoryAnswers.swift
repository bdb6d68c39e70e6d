internal import Archive
internal import DaemonKit
internal import Logging
internal import Telemetry

/// `/1/history`: reads what the collector has written. It runs on a thread that is there for nothing else, one question
/// after the other, so a slow disk holds up nobody but those who ask for the past.
struct HistoryAnswers: HistorySource {
    private let archive: any HistoryStore
    private let now: @Sendable () -> UInt64
    private let log: Logger

    /// - Parameter now: seconds since 1970.
    init(
        _ archive: any HistoryStore, log: Logger,
        now: @escaping @Sendable () -> UInt64 = { WallClock.milliseconds() / 1_000 }
    ) {
        self.archive = archive
        self.log = log
        self.now = now
    }

    func answer(query text: String) throws(HTTPError) -> Answer {
        let query: HistoryQuery
        do throws(QueryFault) {
            query = try HistoryQuery(parsing: text, at: now())
        } catch {
            throw HTTPError(error)
        }
        var head = HistoryDocument.Head(step: query.step, from: query.from, to: query.to)
        let series: HistorySeries
        switch query.subject {
        case .total: series = .total
        case .shard(let shard):
            series = .shard(shard)
            head.shard = shard
        case .worker(let name):
            guard let id = try read({ try archive.workerID(named: name) }) else {
                throw HTTPError(.notFound, message: "No such worker.")
            }
            series = .worker(id)
            head.worker = name
        case .workerOnShard:
            throw HTTPError(
                .notFound, message: "There is no history of one worker on one shard: give either worker or shard.")
        }
        if query.isEmpty { return .document(HistoryDocument.body(head, points: [])) }
        let points = try read { try archive.points(of: series, from: query.from, to: query.to, step: query.step) }
        return .document(HistoryDocument.body(head, points: points))
    }

    private func read<Result>(_ body: () throws -> Result) throws(HTTPError) -> Result {
        do {
            return try body()
        } catch {
            // Its words name files of the machine.
            log.debug("cannot read the history: \(error)")
            throw HTTPError(.serviceUnavailable, message: "The history cannot be read now; retry later.")
        }
    }
}

/// What is asked of `HistoryReader`, or of a test.
protocol HistoryStore: Sendable {
    func points(of series: HistorySeries, from: UInt64, to: UInt64, step: UInt64) throws -> [HistoryPoint]
    func workerID(named name: String) throws -> UInt32?
}

extension HistoryReader: HistoryStore {}
