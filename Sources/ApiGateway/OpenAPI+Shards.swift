internal import Control

extension OpenAPI {
    /// The operator's verbs.
    static let changesOfShards = [
        change(
            "/1/shards/{id}/restart", "restartShard", "Replaces the process of one shard in good order.", [shard],
            nothingToSay, [.notFound]),
        change(
            "/1/shards/all/restart", "restartAllShards",
            "Replaces the processes of all shards, one after the other, each when the one before is ready.", [],
            nothingToSay),
        change(
            "/1/shards/{id}/drain", "drainShard",
            "Sends the miners of one shard away and leaves its place empty until it is restarted.", [shard],
            .object("May be left out.", .sometimes("within", within)), [.badRequest, .notFound]),
        change(
            "/1/scale", "scale", "Has more or fewer shards; of fewer the highest-numbered go.", [],
            .object(nil, .always("shards", .integer(in: 1...256)), .sometimes("within", within)), [.badRequest]),
    ]

    private static let shard = Parameter(
        name: "id", place: .path, description: "The shard.", schema: .integer(in: 0...255))

    private static let nothingToSay = Schema.anything("Anything: only that it is said to be JSON matters.")

    private static let within = Schema.integer(
        "Over how many seconds miners are sent away; \(ControlRequest.withinSecondsDefault) without it.",
        in: 0...ControlRequest.withinSecondsMax)

    private static func change(
        _ path: String, _ id: String, _ summary: String, _ parameters: [Parameter], _ body: Schema,
        _ failures: [Operation.Failure] = []
    ) -> Operation {
        Operation(
            method: .post, path: path, id: id, tag: .millrace, summary: summary, parameters: parameters, body: body,
            answers: [.init(status: "202", description: "It has begun; see `/1/shards`.")],
            failures: [.forbidden, .conflict, .unsupportedMediaType] + failures)
    }
}
