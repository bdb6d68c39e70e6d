extension Interpretation {
    /// The API has two configurations. The current `http` object is used when it is enabled; otherwise the `api` object
    /// of xmrig-proxy 2.4 (`port`, `access-token`) when its port is not 0; otherwise there is no API. `api` names the
    /// proxy (`id`, `worker-id`) in either case.
    mutating func readAPI(_ root: Section) {
        let http = root.section("http", &findings)
        let old = root.section("api", &findings)
        let id = literal("id", in: old)
        let workerID = expanded("worker-id", in: old)
        if http.boolean("enabled") == true {
            warnAboutOutranked(old)
            settings.api = readHTTP(http)
        } else {
            settings.api = readOldAPI(old)
        }
        settings.api?.id = id
        settings.api?.workerID = workerID
    }

    private mutating func readHTTP(_ http: Section) -> Settings.API {
        let host = numericHost("host", in: http) ?? "127.0.0.1"
        var api = Settings.API(host: host, port: UInt16(clamping: http.integer("port") ?? 0))
        api.accessToken = literal("access-token", in: http)
        api.isRestricted = http.boolean("restricted") ?? true
        return api
    }

    /// xmrig-proxy 2.4 listened on all IPv4 addresses; 2.5 added `ipv6` and `restricted` (docs/COMPATIBILITY.md, "API
    /// of 2.4").
    private mutating func readOldAPI(_ old: Section) -> Settings.API? {
        guard let port = old.integer("port"), port != 0 else { return nil }
        var api = Settings.API(host: old.boolean("ipv6") == true ? "::" : "0.0.0.0", port: UInt16(clamping: port))
        api.accessToken = literal("access-token", in: old)
        api.isRestricted = old.boolean("restricted") ?? true
        return api
    }

    /// With two ports, or a token that has no effect, the operator must know which object is used.
    private mutating func warnAboutOutranked(_ old: Section) {
        guard let key = ["port", "access-token"].first(where: { old[$0]?.value.isOff == false }) else { return }
        findings.warn(old.name(of: key), at: old.origin(of: key), "ignored, because \"http\" is enabled")
    }
}
