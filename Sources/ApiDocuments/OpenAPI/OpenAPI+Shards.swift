internal import Control

extension OpenAPI {
    /// The operations that change shards.
    static let changesOfShards = [
        change(
            "/1/shards/{id}/restart", "restartShard", "Restart one shard. Its miners stay connected.", [shard],
            nothingToSay, [.notFound]),
        change(
            "/1/shards/all/restart", "restartAllShards",
            "Restart all shards one after the other. Miners stay connected.", [],
            nothingToSay),
        change(
            "/1/shards/{id}/drain", "drainShard",
            "Disconnect the miners of one shard and leave it empty until it is restarted.", [shard],
            .object("Optional.", .sometimes("within", within)), [.badRequest, .notFound]),
        change(
            "/1/scale", "scale", "Change the number of shards; those with the highest numbers are removed.", [],
            .object(nil, .always("shards", .integer(in: 1...256)), .sometimes("within", within)), [.badRequest]),
    ]

    private static let shard = Parameter(
        name: "id", place: .path, description: "The shard.", schema: .integer(in: 0...255))

    private static let nothingToSay = Schema.anything("Ignored; the Content-Type must be application/json.")

    private static let within = Schema.integer(
        "Disconnect the miners over this time, in seconds. Default: \(ControlRequest.withinSecondsDefault).",
        in: 0...ControlRequest.withinSecondsMax)

    private static func change(
        _ path: String, _ id: String, _ summary: String, _ parameters: [Parameter], _ body: Schema,
        _ failures: [Operation.Failure] = []
    ) -> Operation {
        Operation(
            method: .post, path: path, id: id, tag: .millrace, summary: summary, parameters: parameters, body: body,
            answers: [.init(status: "202", description: "The operation has started; see `/1/shards`.")],
            failures: [.forbidden, .conflict, .unsupportedMediaType] + failures)
    }
}
