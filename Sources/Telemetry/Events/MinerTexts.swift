/// Agent, user and rig id of a miner, shared by all miners that send the same: the miners of a farm usually have the
/// same agent and wallet. A text that equals the worker's name is not stored twice.
public final class MinerTexts: Sendable {
    /// nil = equal to the worker's name.
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

    /// - Parameter worker: the name with which the texts were shared; also for `rigID`.
    public func user(worker: String?) -> String { texts.user ?? worker ?? "" }
    public func rigID(worker: String?) -> String { texts.rigID ?? worker ?? "" }

    /// Shares equal texts between miners.
    public struct Pool: Sendable {
        /// Honest miners use a few dozen agents and wallets. A full pool is emptied; texts in use stay valid.
        private static let textsMax = 4_096

        private var known: [Texts: MinerTexts] = [:]

        public init() {}

        /// - Parameter worker: a name that is stored elsewhere.
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
