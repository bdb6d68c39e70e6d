internal import Control
internal import FoundationEssentials

/// What can be done to the shards: the operator's verbs as paths.
enum ShardChange: Hashable, Sendable {
    /// `/1/shards/{id}/restart`
    case restart(shard: Int)
    /// `/1/shards/all/restart`
    case restartAll
    /// `/1/shards/{id}/drain`
    case drain(shard: Int)
    /// `/1/scale`
    case scale

    /// What is asked of the supervisor, which judges the numbers. Throws when the body does not say what it must.
    func request(_ body: [UInt8]) throws(HTTPError) -> ControlRequest {
        switch self {
        case .restart(let shard): return .restart(shard: shard)
        case .restartAll: return .restartAll
        case .drain(let shard):
            // Nothing has to be said.
            let details = body.isEmpty ? Details() : try Details(body)
            return .drain(shard: shard, withinSeconds: details.within ?? ControlRequest.withinSecondsDefault)
        case .scale:
            let details = try Details(body)
            guard let shards = details.shards else { throw Details.refusal }
            return .scale(shards: shards, withinSeconds: details.within ?? ControlRequest.withinSecondsDefault)
        }
    }

    private struct Details: Decodable {
        var shards: Int?
        /// Seconds.
        var within: Int?

        static let refusal = HTTPError(
            .badRequest, message: "Expected an object with whole numbers, such as {\"shards\": 4, \"within\": 30}.")

        init() {}

        init(_ body: [UInt8]) throws(HTTPError) {
            guard let details = try? JSONDecoder().decode(Details.self, from: Data(body)) else { throw Details.refusal }
            self = details
        }
    }
}
