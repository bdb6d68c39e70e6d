package import Configuration

/// The identity of this proxy: the parts of the documents that do not change while the process runs.
package struct Identity: Equatable, Sendable {
    /// 16 hexadecimal digits, or the configured text.
    package var id: String
    package var workerID: String
    package var version: String
    /// For example "millrace/0.1.0 (Linux x86_64) libmicrohttpd/0.9.75 swift/6.3", in the form of xmrig-proxy.
    package var userAgent: String
    /// How miners share pool connections.
    package var mode = Settings.Mode.nicehash

    package init(id: String, workerID: String, version: String, userAgent: String) {
        self.id = id
        self.workerID = workerID
        self.version = version
        self.userAgent = userAgent
    }

    /// - Parameters:
    ///   - machine: a text that differs between machines and does not change.
    ///   - hostName: the `worker_id` if none is configured.
    package init(api: Settings.API, machine: String, hostName: String, version: String, userAgent: String) {
        self.init(
            id: api.id.flatMap { $0.isEmpty ? nil : $0 } ?? Identity.derivedID(machine: machine, port: api.port),
            workerID: api.workerID.flatMap { $0.isEmpty ? nil : $0 } ?? hostName,
            version: version, userAgent: userAgent)
    }

    /// The same after every restart, different for two proxies on one machine. The hash is one-way: it does not reveal
    /// `machine`.
    static func derivedID(machine: String, port: UInt16) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let digest = SHA3.digest256(Array("millrace proxy \(port) \(machine)".utf8))
        return String(
            decoding: digest.prefix(8).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
