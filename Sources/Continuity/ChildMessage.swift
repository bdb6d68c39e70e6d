/// A message of a child to its supervisor, one line on its `Lifeline`.
public enum ChildMessage: Equatable, Sendable {
    /// It serves: all sockets are bound and connected.
    case ready
    /// Its main loop runs.
    case heartbeat
    /// A limitation of the process. It is sent before each heartbeat for as long as it lasts.
    case degraded(String)
    /// The present load of a shard.
    case load(ShardLoad)
    /// A standby is initialized and waits.
    case prepared
    /// The process is frozen; its state is saved.
    case froze
    /// The process is frozen, but its state could not be saved.
    case cannotFreeze
    /// A standby has the state and the connections, and has not changed them.
    case adopted
    /// The answer to `Lifeline.SupervisorMessage.absorb`.
    case absorption(AbsorptionAnswer)

    /// Whether a shard has absorbed another one, or a part of it.
    public struct AbsorptionAnswer: Equatable, Sendable {
        public var shard: UInt16
        public var incarnation: UInt64
        /// The number of the part; 0 for the whole shard.
        public var part: UInt32
        /// If false, the other shard is unchanged and can continue.
        public var isDone: Bool

        public init(shard: UInt16, incarnation: UInt64, part: UInt32, isDone: Bool) {
            self.shard = shard
            self.incarnation = incarnation
            self.part = part
            self.isDone = isDone
        }
    }

    private static let degradedPrefix = "degraded "
    private static let absorbedPrefix = "absorbed "
    private static let notAbsorbedPrefix = "cannot absorb "

    /// Without the newline.
    public var line: String {
        switch self {
        case .ready: "ready"
        case .heartbeat: "heartbeat"
        case .degraded(let text): ChildMessage.degradedPrefix + text
        case .load(let load): load.line
        case .prepared: "prepared"
        case .froze: "froze"
        case .cannotFreeze: "cannot freeze"
        case .adopted: "adopted"
        case .absorption(let answer):
            (answer.isDone ? ChildMessage.absorbedPrefix : ChildMessage.notAbsorbedPrefix)
                + "\(answer.shard) \(answer.incarnation)\(answer.part > 0 ? " \(answer.part)" : "")"
        }
    }

    /// Returns nil for an unknown message, which a newer child may send.
    /// - Parameter line: without the newline.
    public init?(line: String) {
        switch line {
        case "ready": self = .ready
        case "heartbeat": self = .heartbeat
        case "prepared": self = .prepared
        case "froze": self = .froze
        case "cannot freeze": self = .cannotFreeze
        case "adopted": self = .adopted
        default:
            if let text = line.rest(after: ChildMessage.degradedPrefix) {
                self = .degraded(String(text))
            } else if let words = line.rest(after: ChildMessage.absorbedPrefix) {
                guard let answer = AbsorptionAnswer(words, isDone: true) else { return nil }
                self = .absorption(answer)
            } else if let words = line.rest(after: ChildMessage.notAbsorbedPrefix) {
                guard let answer = AbsorptionAnswer(words, isDone: false) else { return nil }
                self = .absorption(answer)
            } else if let load = ShardLoad(line: line) {
                self = .load(load)
            } else {
                return nil
            }
        }
    }
}

extension ChildMessage.AbsorptionAnswer {
    fileprivate init?(_ words: Substring, isDone: Bool) {
        let numbers = words.split(separator: " ")
        guard (2...3).contains(numbers.count), let shard = UInt16(numbers[0]), let incarnation = UInt64(numbers[1]),
            let part = numbers.count == 3 ? UInt32(numbers[2]) : 0
        else { return nil }
        self.init(shard: shard, incarnation: incarnation, part: part, isDone: isDone)
    }
}

extension String {
    fileprivate func rest(after prefix: String) -> Substring? {
        hasPrefix(prefix) ? dropFirst(prefix.count) : nil
    }
}
