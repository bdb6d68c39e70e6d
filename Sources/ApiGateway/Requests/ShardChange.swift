internal import Control
internal import FoundationEssentials
internal import HTTPServing

/// A change of the shards: an operator's command as a path.
enum ShardChange: Hashable, Sendable {
    /// `/1/shards/{id}/restart`
    case restart(shard: Int)
    /// `/1/shards/all/restart`
    case restartAll
    /// `/1/shards/{id}/drain`
    case drain(shard: Int)
    /// `/1/scale`
    case scale

    /// The request to the supervisor, which validates the numbers. Throws 400 if the body lacks a number.
    func request(_ body: [UInt8]) throws(HTTPError) -> ControlRequest {
        switch self {
        case .restart(let shard): return .restart(shard: shard)
        case .restartAll: return .restartAll
        case .drain(let shard):
            // The body is optional.
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
