package import Telemetry

/// The permanent identifier of an event: the epoch of the collector's stream, and the sequence number in it. A client
/// that was disconnected sends the last one that it received, and gets the events after it.
///
/// As text "0123456789abcdef0123456789abcdef-42": the epoch in hexadecimal, the sequence number in decimal.
package struct EventID: Equatable, Sendable {
    package var epoch: Epoch
    package var sequence: UInt64

    package init(epoch: Epoch, sequence: UInt64) {
        self.epoch = epoch
        self.sequence = sequence
    }

    /// The form of the text as a regular expression, for the OpenAPI document.
    static let pattern = "^[0-9a-f]{32}-[0-9]{1,19}$"

    /// nil if the text has not exactly the form that `append` writes.
    package init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count == 32, parts[0].utf8.allSatisfy(EventID.isHexDigit),
            (1...19).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let high = UInt64(parts[0].prefix(16), radix: 16), let low = UInt64(parts[0].suffix(16), radix: 16),
            let sequence = UInt64(parts[1])  // nineteen digits fit, and leave room for a next one
        else { return nil }
        self.init(epoch: Epoch(high: high, low: low), sequence: sequence)
    }

    /// Appends the text.
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
