internal import Telemetry

/// The windows of hashrates, by their names in documents and metrics.
enum HashrateSpan: String, CaseIterable, Sendable {
    case oneMinute = "1m"
    case tenMinutes = "10m"
    case oneHour = "1h"
    case twelveHours = "12h"
    case oneDay = "24h"

    var seconds: UInt64 {
        switch self {
        case .oneMinute: 60
        case .tenMinutes: 600
        case .oneHour: 3_600
        case .twelveHours: 43_200
        case .oneDay: 86_400
        }
    }

    /// H/s.
    func rate(in rates: Hashrates) -> Double {
        switch self {
        case .oneMinute: rates.oneMinute
        case .tenMinutes: rates.tenMinutes
        case .oneHour: rates.oneHour
        case .twelveHours: rates.twelveHours
        case .oneDay: rates.oneDay
        }
    }
}

extension Snapshot {
    /// Whether events of the window are missing.
    func isIncomplete(_ span: HashrateSpan) -> Bool { isIncomplete(windowSeconds: span.seconds) }
}
