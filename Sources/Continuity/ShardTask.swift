/// What the supervisor asks of a running shard, as a line of its lifeline.
public enum ShardTask: Equatable, Sendable {
    /// Take no new miners, send those that you have away at random moments within so many milliseconds, then leave.
    case drain(withinMillis: Int64)
    /// Listen on the first so many of your sockets only. Whoever waits in the queue of another one is let in before that is closed.
    case listen(socketCount: Int)

    /// Eleven days: more milliseconds than anybody waits for, and few enough to be added to any time.
    private static let numberMax: Int64 = 1_000_000_000

    public var line: String {
        switch self {
        case .drain(let millis): "drain \(millis)"
        case .listen(let count): "listen \(count)"
        }
    }

    /// nil when it is no task that this version knows.
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

/// What a shard has to do just now, told with its heartbeats: cheap, and heard without the statistics and the API.
public struct ShardLoad: Equatable, Sendable {
    /// Connections that have logged in and have a job.
    public var miners: Int
    /// Upstreams that a pool serves.
    public var upstreams: Int

    public init(miners: Int, upstreams: Int) {
        self.miners = miners
        self.upstreams = upstreams
    }

    public var line: String { "load \(miners) \(upstreams)" }

    /// nil when it is something else.
    public init?(line: String) {
        let words = line.split(separator: " ")
        guard words.count == 3, words[0] == "load", let miners = Int(words[1]), let upstreams = Int(words[2]),
            miners >= 0, upstreams >= 0
        else { return nil }
        self.init(miners: miners, upstreams: upstreams)
    }
}
