internal import Telemetry

/// Names an event of the collector's stream for ever: which life of the stream, and where in it. A client that was cut
/// off sends the last one it saw, and gets what came after it.
///
/// As text "0123456789abcdef0123456789abcdef-42": the epoch in hexadecimal, the sequence number in decimal.
struct EventID: Equatable, Sendable {
    var epoch: Epoch
    var sequence: UInt64

    init(epoch: Epoch, sequence: UInt64) {
        self.epoch = epoch
        self.sequence = sequence
    }

    /// What we send, for clients and their libraries, as a regular expression.
    static let pattern = "^[0-9a-f]{32}-[0-9]{1,19}$"

    /// nil when the text is not exactly what we have once sent.
    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count == 32, parts[0].utf8.allSatisfy(EventID.isHexDigit),
            (1...19).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let high = UInt64(parts[0].prefix(16), radix: 16), let low = UInt64(parts[0].suffix(16), radix: 16),
            let sequence = UInt64(parts[1])  // nineteen digits fit, and leave room for a next one
        else { return nil }
        self.init(epoch: Epoch(high: high, low: low), sequence: sequence)
    }

    func append(to bytes: inout [UInt8]) {
        EventID.appendHex(epoch.high, to: &bytes)
        EventID.appendHex(epoch.low, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        sequence.append(to: &bytes)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    private static func appendHex(_ value: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: UInt64(60), through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: (value >> shift) & 15)
            bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }
}
