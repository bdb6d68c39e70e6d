internal import Configuration

/// What to ask a running service, and where, to learn whether it serves.
struct HealthQuestion: Equatable {
    enum Kind: Equatable {
        /// The API's `GET /healthz`, which needs no token.
        case api
        /// Without an API there is only this: the miners' address takes a connection. It says less, because the kernel
        /// answers for a shard that hangs.
        case miners
    }

    var kind: Kind
    /// Numeric, without brackets; never a wildcard.
    var host: String
    var port: UInt16

    /// nil when the configuration leaves all ports to the system, so that nobody outside can know them.
    init?(about settings: Settings) {
        if let api = settings.api, api.port != 0 {
            self.init(kind: .api, host: api.host, port: api.port)
        } else if let bind = settings.binds.first(where: { $0.port != 0 }) {
            self.init(kind: .miners, host: bind.host, port: bind.port)
        } else {
            return nil
        }
    }

    private init(kind: Kind, host: String, port: UInt16) {
        self.kind = kind
        self.port = port
        // Who listens everywhere is met at home.
        switch host {
        case "0.0.0.0": self.host = "127.0.0.1"
        case "::": self.host = "::1"
        default: self.host = host
        }
    }

    /// The bytes to send; none when the connection alone is the answer.
    var request: [UInt8] {
        switch kind {
        case .api: Array("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        case .miners: []
        }
    }

    /// Judges the beginning of an answer: nil while too little of it has arrived.
    func verdict(on answer: [UInt8]) -> HealthVerdict? {
        let good = Array("HTTP/1.1 200".utf8)
        guard answer.count >= good.count else { return nil }
        if answer.starts(with: good) { return .healthy }
        return .unhealthy("it answered \"\(shown(answer.prefix(good.count)))\"")
    }

    /// Whoever answers there need not be Millrace: nothing of it may command a terminal.
    private func shown(_ bytes: some Sequence<UInt8>) -> String {
        String(String.UnicodeScalarView(bytes.map { (0x20..<0x7f).contains($0) ? Unicode.Scalar($0) : "?" }))
    }
}

enum HealthVerdict: Equatable {
    case healthy
    /// Why, for people.
    case unhealthy(String)
}
