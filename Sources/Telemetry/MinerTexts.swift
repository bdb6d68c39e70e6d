/// What a miner says of itself, in one piece of memory for all who say the same: a farm's miners have one agent and one
/// wallet between them, and what is named after one of its texts has that one anyway.
public final class MinerTexts: Sendable {
    /// nil = it is the worker's name.
    fileprivate struct Texts: Hashable, Sendable {
        let agent: String
        let user: String?
        let rigID: String?
    }

    private let texts: Texts

    fileprivate init(_ texts: Texts) {
        self.texts = texts
    }

    public var agent: String { texts.agent }

    /// - Parameter worker: the name that it was shared with; so in `rigID`.
    public func user(worker: String?) -> String { texts.user ?? worker ?? "" }
    public func rigID(worker: String?) -> String { texts.rigID ?? worker ?? "" }

    /// Lets miners share their texts.
    public struct Pool: Sendable {
        /// Honest miners know a few dozen agents and wallets. A full pool is emptied: texts in use stay with their users.
        private static let textsMax = 4_096

        private var known: [Texts: MinerTexts] = [:]

        public init() {}

        /// - Parameter worker: a name that is kept anyway.
        public mutating func shared(agent: String, user: String, rigID: String, worker: String?) -> MinerTexts {
            let texts = Texts(
                agent: agent, user: user == worker ? nil : user, rigID: rigID == worker ? nil : rigID)
            if let shared = known[texts] { return shared }
            if known.count >= Pool.textsMax { known = [:] }
            let shared = MinerTexts(texts)
            known[texts] = shared
            return shared
        }
    }
}

extension MinerTexts: Equatable {
    public static func == (one: MinerTexts, other: MinerTexts) -> Bool { one === other || one.texts == other.texts }
}
