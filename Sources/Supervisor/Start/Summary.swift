internal import Configuration
internal import DaemonKit

/// A configuration in a few lines without secrets.
enum Summary {
    static func lines(of settings: Settings) -> [String] {
        let api = settings.api.map { api in
            "API on \(Settings.Bind(host: api.host, port: api.port).name), "
                + (api.accessToken == nil ? "no token" : "token required")
                + (api.isRestricted ? ", read-only" : "")
        }
        return [
            "pools: \(settings.pools.map(\.name).joined(separator: ", "))",
            "miners connect to \(settings.binds.map(\.name).joined(separator: ", "))",
            "\(shards(settings)), \(api ?? "no API")",
            "run directory \(settings.runDirectory)",
        ]
    }

    /// "2 shards", or "1 shard (up to 8 with more miners)".
    private static func shards(_ settings: Settings) -> String {
        let most = settings.shardsMax.flatMap { $0 > settings.shards ? " (up to \($0) with more miners)" : nil }
        return counted(settings.shards, "shard") + (most ?? "")
    }
}

extension Settings.Bind {
    /// "0.0.0.0:3333" or "[::]:3333".
    var name: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
