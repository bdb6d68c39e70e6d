/// A task for a running shard, one line on its lifeline.
public enum ShardTask: Equatable, Sendable {
    /// Accept no new miners, disconnect the present ones at random moments within this time, then exit.
    case drain(withinMillis: Int64)
    /// Listen only on the first sockets, of this number. Connections waiting in the queues of the others are accepted
    /// before those are closed.
    case listen(socketCount: Int)

    /// More than eleven days in milliseconds: longer than any useful time, and small enough to be added to any time.
    private static let numberMax: Int64 = 1_000_000_000

    public var line: String {
        switch self {
        case .drain(let millis): "drain \(millis)"
        case .listen(let count): "listen \(count)"
        }
    }

    /// nil for a task that this version does not know.
    public init?(line: String) {
        let words = line.split(separator: " ")
        guard words.count == 2, let number = Int64(words[1]), (0...ShardTask.numberMax).contains(number) else {
            return nil
        }
        switch words[0] {
        case "drain": self = .drain(withinMillis: number)
        case "listen": self = .listen(socketCount: Int(number))
        default: return nil
        }
    }
}

/// The load of a shard, sent with its heartbeats. It is available without the statistics and the API.
public struct ShardLoad: Equatable, Sendable {
    /// Connections that have logged in and have a job.
    public var miners: Int
    /// Upstreams with an active pool session.
    public var upstreams: Int

    public init(miners: Int, upstreams: Int) {
        self.miners = miners
        self.upstreams = upstreams
    }

    public var line: String { "load \(miners) \(upstreams)" }

    /// nil for another message.
    public init?(line: String) {
        let words = line.split(separator: " ")
        guard words.count == 3, words[0] == "load", let miners = Int(words[1]), let upstreams = Int(words[2]),
            miners >= 0, upstreams >= 0
        else { return nil }
        self.init(miners: miners, upstreams: upstreams)
    }
}
