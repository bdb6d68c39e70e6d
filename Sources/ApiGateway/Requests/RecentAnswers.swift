internal import HTTPServing

/// The latest history documents, sent again for equal queries for a short time: dashboards request the same chart.
///
/// Times are monotonic milliseconds.
struct RecentAnswers: Sendable {
    private struct Entry {
        var answer: Answer
        var at: Int64
    }

    private let limits: GatewayLimits
    private var entries: [String: Entry] = [:]

    init(limits: GatewayLimits) {
        self.limits = limits
    }

    /// nil if there is none, or it is too old.
    func answer(to query: String, at now: Int64) -> Answer? {
        guard let entry = entries[query], now - entry.at < limits.historyMillis else { return nil }
        return entry.answer
    }

    mutating func keep(_ answer: Answer, to query: String, at now: Int64) {
        entries = entries.filter { now - $0.value.at < limits.historyMillis }
        if entries.count >= limits.historyKept, let oldest = entries.min(by: { $0.value.at < $1.value.at }) {
            entries[oldest.key] = nil
        }
        entries[query] = Entry(answer: answer, at: now)
    }
}
