internal import ApiDocuments
internal import Archive
internal import DaemonKit
internal import HTTPServing
internal import Logging
internal import Telemetry

/// Answers requests for the history. Called on a thread that may block, for one request at a time.
protocol HistorySource: Sendable {
    /// - Parameter query: what follows the `?`, as received.
    func answer(query: String) throws(HTTPError) -> Answer
}

/// `/1/history`: reads what the collector has written. It runs on a thread of its own, so a slow disk delays only other
/// requests for the history.
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
            // The text of the error names files of the machine.
            log.debug("cannot read the history: \(error)")
            throw HTTPError(.serviceUnavailable, message: "The history cannot be read now; retry later.")
        }
    }
}

/// The database: `HistoryReader`, or a test.
protocol HistoryStore: Sendable {
    /// Points from `from` (inclusive) to `to` (exclusive), in seconds since 1970, with `step` seconds each.
    func points(of series: HistorySeries, from: UInt64, to: UInt64, step: UInt64) throws -> [HistoryPoint]
    /// nil if there is no such worker.
    func workerID(named name: String) throws -> UInt32?
}

extension HistoryReader: HistoryStore {}
