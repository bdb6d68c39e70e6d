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
            "\(counted(settings.shards, "shard")), \(api ?? "no API")",
            "run directory \(settings.runDirectory)",
        ]
    }
}

extension Settings.Bind {
    /// "0.0.0.0:3333" or "[::]:3333".
    var name: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
