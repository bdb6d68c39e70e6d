internal import Peers

extension OpenAPI {
    private static let refusals = Schema.object(
        "Connections that were refused, by reason.",
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
                    .always("connects_per_second", .number("Over ten seconds, as all rates.")),
                    .always("logins_per_second", .number()),
                    .always("requests_per_second", .number()),
                    .always("invalid_ratio", .number("Refused shares of all; null without shares.").orNull),
                    .always("unsent_bytes", .integer("What its miners have not read.")),
                    .always("refused", refusals),
                    .always("banned_seconds", .integer("Until the ban ends; null without one.").orNull)),
                "By connections, at most \(CurrentDocuments.peersShownMax) unless `limit` says otherwise.")),
        .always("total", .integer("Addresses that are known.")), .always("banned", .integer("Of these.")),
        .always("refused", refusals), .always("not_refused", refusals),
        .always("untracked", .integer("Connections of addresses for which the table had no place.")))
}
