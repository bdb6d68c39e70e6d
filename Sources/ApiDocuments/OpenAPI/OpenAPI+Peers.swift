internal import Peers

extension OpenAPI {
    private static let refusals = Schema.object(
        "Refused connections, by reason.",
        PeerRefusal.allCases.map { .always($0.name, .integer()) })

    static let peers = Schema.object(
        nil,
        .always(
            "peers",
            .list(
                of: .object(
                    nil, .always("address", .text("An IPv4 address, or a /64 network of IPv6.")),
                    .always("connections", .integer("In all shards.")),
                    .always("waiting", .integer("Connections that have not logged in for a second.")),
                    .always("connects_per_second", .number("Average of ten seconds, like all rates.")),
                    .always("logins_per_second", .number()),
                    .always("requests_per_second", .number()),
                    .always(
                        "invalid_ratio", .number("Refused shares divided by all shares; null without shares.").orNull),
                    .always("unsent_bytes", .integer("Bytes that its miners have not read yet.")),
                    .always("refused", refusals),
                    .always("banned_seconds", .integer("Seconds until the ban ends; null if not banned.").orNull)),
                "Sorted by connections; at most \(CurrentDocuments.peersShownMax) rows unless `limit` is given.")),
        .always("total", .integer("Addresses in the table.")),
        .always("banned", .integer("Banned addresses in the table.")),
        .always("refused", refusals), .always("not_refused", refusals),
        .always("untracked", .integer("Connections that were not tracked because the table was full.")))
}
