/// What came of TLS on the connections of a program; a part of its report.
public struct TLSCounts: Codable, Equatable, Sendable {
    /// SHA-256 of the server's own certificate; nil for clients.
    public internal(set) var fingerprint: String?
    /// Complete handshakes, by version and cipher.
    public internal(set) var secured: [String: Int] = [:]
    /// Handshakes that failed, by reason.
    public internal(set) var failed: [String: Int] = [:]
    /// Connections that ended by an invalid record or by an alert, by reason.
    public internal(set) var broken: [String: Int] = [:]
    /// Connections that the peer ended without a close_notify.
    public internal(set) var unannouncedEnds = 0
    public internal(set) var ticketsReceived = 0
    /// KeyUpdates that were sent and ask the peer for one.
    public internal(set) var keyUpdatesRequested = 0
    /// KeyUpdates of the peer: its answers and its own requests.
    public internal(set) var keyUpdatesReceived = 0

    public var securedTotal: Int { secured.values.reduce(0, +) }
    public var failedTotal: Int { failed.values.reduce(0, +) }
    public var brokenTotal: Int { broken.values.reduce(0, +) }
    /// True when TLS was in no connection's way.
    public var isClean: Bool { failed.isEmpty && broken.isEmpty }
}

extension [String: Int] {
    /// Counts a text from a peer: at most 64 different ones, the rest as "other".
    public mutating func count(_ text: String) {
        let key = self[text] != nil || count < 64 ? text : "other"
        self[key, default: 0] += 1
    }
}
