internal import Configuration
internal import Telemetry

/// The parameters of `/1/history`: `?worker=rack7-03&from=-24h&step=600`.
package struct HistoryQuery: Equatable, Sendable {
    /// Whose history.
    package enum Subject: Equatable, Sendable {
        case total
        case shard(UInt16)
        case worker(name: String)
        /// Not stored: such a request is answered with 404.
        case workerOnShard(name: String, UInt16)
    }

    /// The default step is chosen for at most this many points, because a chart has not more pixels.
    static let usualPointsMax: UInt64 = 500
    /// Points of one document: 160 KiB. A day of minutes is 1,440.
    static let pointsMax: UInt64 = 2_000
    /// The default range, in seconds.
    static let usualSeconds: UInt64 = 86_400
    /// The finest step that is stored, in seconds.
    static let stepUnit: UInt64 = 60

    package var subject: Subject
    /// Start, inclusive, in seconds since 1970.
    package var from: UInt64
    /// End, exclusive, in seconds since 1970.
    package var to: UInt64
    /// Seconds per point.
    package var step: UInt64

    /// - Parameters:
    ///   - query: what follows the `?`, as received. Parameters with other names are ignored.
    ///   - now: seconds since 1970.
    package init(parsing query: String, at now: UInt64) throws(QueryFault) {
        let parameters = try QueryParameters(parsing: query)
        subject = try HistoryQuery.subject(of: parameters)
        to = try HistoryQuery.time("to", of: parameters, now: now) ?? now
        from =
            try HistoryQuery.time("from", of: parameters, now: now)
            ?? (to > HistoryQuery.usualSeconds ? to - HistoryQuery.usualSeconds : 0)
        step = try HistoryQuery.step(of: parameters, seconds: to > from ? to - from : 0)
    }

    /// The range is empty, so there are no points.
    package var isEmpty: Bool { from >= to }

    private static func subject(of parameters: QueryParameters) throws(QueryFault) -> Subject {
        let worker = try parameters.text("worker")
        let shard = try parameters.integer("shard", in: 0...Settings.shardsLimit - 1)
        switch (worker, shard) {
        case (nil, nil): return .total
        case (let worker?, nil): return .worker(name: worker)
        case (nil, let shard?): return .shard(UInt16(shard))
        case (let worker?, let shard?): return .workerOnShard(name: worker, UInt16(shard))
        }
    }

    private static func time(_ name: String, of parameters: QueryParameters, now: UInt64) throws(QueryFault) -> UInt64?
    {
        guard let text = try parameters.text(name) else { return nil }
        if text.hasPrefix("-"), let back = seconds(text.dropFirst(), needsUnit: true) {
            return now > back ? now - back : 0
        }
        guard let number = number(text[...]) else {
            throw QueryFault(
                parameter: name,
                expectation:
                    "a Unix time in seconds or milliseconds, or a time relative to now, such as -24h (s, m, h, d)")
        }
        return number < millisecondsFrom ? number : number / 1_000
    }

    /// In seconds this is the year 5138, in milliseconds 1973: times that the API shows, in milliseconds, are accepted.
    private static let millisecondsFrom: UInt64 = 100_000_000_000

    private static func step(of parameters: QueryParameters, seconds length: UInt64) throws(QueryFault) -> UInt64 {
        guard let text = try parameters.text("step") else { return roundStep(seconds: length, usualPointsMax) }
        // No leading zero, and so no zero: `stepPattern` must describe exactly what is accepted.
        guard !text.hasPrefix("0"), let step = seconds(text[...], needsUnit: false) else {
            throw QueryFault(
                parameter: "step",
                expectation: "a number of seconds, such as 600, or a duration, such as 10m (s, m, h, d)")
        }
        let wholeUnits = (step + stepUnit - 1) / stepUnit * stepUnit
        // The first point may begin before `from`.
        return length / wholeUnits + 1 <= pointsMax ? wholeUnits : roundStep(seconds: length, pointsMax)
    }

    /// The shortest round step with at most `pointsMax` points.
    private static func roundStep(seconds length: UInt64, _ pointsMax: UInt64) -> UInt64 {
        let rounds: [UInt64] = [60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200]
        if let round = rounds.first(where: { length / $0 < pointsMax }) { return round }
        return (length / pointsMax / 86_400 + 1) * 86_400
    }

    /// The form of a time as a regular expression, for the OpenAPI document.
    static let timePattern = "^([0-9]{1,14}|-[0-9]{1,14}[smhd])$"
    /// The form of a step.
    static let stepPattern = "^[1-9][0-9]{0,13}[smhd]?$"

    /// "90", "90s", "10m", "24h", "7d".
    private static func seconds(_ text: Substring, needsUnit: Bool) -> UInt64? {
        let unit: UInt64? =
            switch text.last {
            case "s": 1
            case "m": 60
            case "h": 3_600
            case "d": 86_400
            default: nil
            }
        guard let unit else { return needsUnit ? nil : number(text) }
        return number(text.dropLast()).map { $0 * unit }
    }

    /// Digits only, and so few that a multiplication does not overflow.
    private static func number(_ text: Substring) -> UInt64? {
        let hasDigitsOnly = text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return hasDigitsOnly && text.utf8.count <= 14 ? UInt64(text) : nil
    }
}
