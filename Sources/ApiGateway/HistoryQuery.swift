internal import Configuration
internal import Telemetry

/// What a request wants of the history: `?worker=rack7-03&from=-24h&step=600`.
struct HistoryQuery: Equatable, Sendable {
    enum Subject: Equatable, Sendable {
        case total
        case shard(UInt16)
        case worker(name: String)
        /// Which nobody keeps.
        case workerOnShard(name: String, UInt16)
    }

    /// A default step is chosen so that a chart gets no more points than it has pixels to tell them apart by.
    static let usualPointsMax: UInt64 = 500
    /// Points of one answer: 160 KiB. A day of minutes is 1,440.
    static let pointsMax: UInt64 = 2_000
    static let usualSeconds: UInt64 = 86_400
    /// The finest that is kept.
    static let stepUnit: UInt64 = 60

    var subject: Subject
    /// Seconds since 1970: nothing before it, and nothing at or after `to`.
    var from: UInt64
    var to: UInt64
    /// Seconds.
    var step: UInt64

    /// - Parameters:
    ///   - query: what stands after the `?`, as it came. Parameters with other names are ignored.
    ///   - now: seconds since 1970.
    init(parsing query: String, at now: UInt64) throws(QueryFault) {
        let parameters = try QueryParameters(parsing: query)
        subject = try HistoryQuery.subject(of: parameters)
        to = try HistoryQuery.time("to", of: parameters, now: now) ?? now
        from =
            try HistoryQuery.time("from", of: parameters, now: now)
            ?? (to > HistoryQuery.usualSeconds ? to - HistoryQuery.usualSeconds : 0)
        step = try HistoryQuery.step(of: parameters, seconds: to > from ? to - from : 0)
    }

    /// There is no time between the ends: nothing can have happened.
    var isEmpty: Bool { from >= to }

    private static func subject(of parameters: QueryParameters) throws(QueryFault) -> Subject {
        let worker = try parameters.text("worker")
        let shard = try parameters.integer("shard", in: 0...Settings.shardsMax - 1)
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

    /// As seconds this would be the year 5138, as milliseconds it is 1973: what the API shows as a time may be given back.
    private static let millisecondsFrom: UInt64 = 100_000_000_000

    private static func step(of parameters: QueryParameters, seconds length: UInt64) throws(QueryFault) -> UInt64 {
        guard let text = try parameters.text("step") else { return roundStep(seconds: length, usualPointsMax) }
        // No zero before the number, so that it is none: what is refused must be told from the shape of the text alone.
        guard !text.hasPrefix("0"), let step = seconds(text[...], needsUnit: false) else {
            throw QueryFault(
                parameter: "step",
                expectation: "a number of seconds, such as 600, or a duration, such as 10m (s, m, h, d)")
        }
        let wholeUnits = (step + stepUnit - 1) / stepUnit * stepUnit
        // The first point may begin before `from`.
        return length / wholeUnits + 1 <= pointsMax ? wholeUnits : roundStep(seconds: length, pointsMax)
    }

    /// The shortest round one that makes so few points.
    private static func roundStep(seconds length: UInt64, _ pointsMax: UInt64) -> UInt64 {
        let rounds: [UInt64] = [60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200]
        if let round = rounds.first(where: { length / $0 < pointsMax }) { return round }
        return (length / pointsMax / 86_400 + 1) * 86_400
    }

    /// The shape of a time, and of a step, for clients and their libraries.
    static let timePattern = "^([0-9]{1,14}|-[0-9]{1,14}[smhd])$"
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

    /// Digits only, and so few that they can be multiplied.
    private static func number(_ text: Substring) -> UInt64? {
        let hasDigitsOnly = text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return hasDigitsOnly && text.utf8.count <= 14 ? UInt64(text) : nil
    }
}
