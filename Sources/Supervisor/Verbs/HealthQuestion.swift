internal import Configuration

/// The request that shows whether a service serves, and the address to send it to.
struct HealthQuestion: Equatable {
    enum Kind: Equatable {
        /// The API's `GET /healthz`, which needs no token.
        case api
        /// Used without an API: the miners' address accepts a connection. This proves less, because the kernel accepts
        /// connections for a shard that hangs.
        case miners
    }

    var kind: Kind
    /// Numeric, without brackets; never a wildcard.
    var host: String
    var port: UInt16

    /// nil when the configuration has only port 0, because the system then chooses the port.
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
        // A wildcard address is reached through the loopback address.
        switch host {
        case "0.0.0.0": self.host = "127.0.0.1"
        case "::": self.host = "::1"
        default: self.host = host
        }
    }

    /// The bytes to send; empty when the connection alone is the answer.
    var request: [UInt8] {
        switch kind {
        case .api: Array("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        case .miners: []
        }
    }

    /// Checks the first bytes of an answer; nil while there are too few.
    func verdict(on answer: [UInt8]) -> HealthVerdict? {
        let good = Array("HTTP/1.1 200".utf8)
        guard answer.count >= good.count else { return nil }
        if answer.starts(with: good) { return .healthy }
        return .unhealthy("it answered \"\(shown(answer.prefix(good.count)))\"")
    }

    /// The answer may come from another program: control characters must not reach the terminal.
    private func shown(_ bytes: some Sequence<UInt8>) -> String {
        String(String.UnicodeScalarView(bytes.map { (0x20..<0x7f).contains($0) ? Unicode.Scalar($0) : "?" }))
    }
}

enum HealthVerdict: Equatable {
    case healthy
    /// The reason, for the operator.
    case unhealthy(String)
}
