internal import Addresses

/// Parses "host:port" and "[v6]:port"; the port is optional.
struct HostAndPort: Equatable {
    /// Without brackets.
    var host: String
    /// nil when no port is given.
    var port: UInt16?

    struct Refusal: Error, Equatable {
        var message: String
    }

    /// - Parameter lowestPort: 0 where the system can choose the port, otherwise 1.
    init(_ text: some StringProtocol, lowestPort: UInt16 = 1) throws(Refusal) {
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw Refusal(message: "the '[' is not closed") }
            host = String(text[..<end].dropFirst())
            guard isIPv6(host) else { throw Refusal(message: "expected an IPv6 address between the brackets") }
            let rest = text[end...].dropFirst()
            guard rest.isEmpty || rest.first == ":" else { throw Refusal(message: "expected ':' and a port after ']'") }
            port = rest.isEmpty ? nil : try HostAndPort.port(rest.dropFirst(), lowest: lowestPort)
            return
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2 else {
            throw Refusal(message: "expected an IPv6 address in brackets, such as [::1]:3333")
        }
        host = String(parts[0])
        port = parts.count == 2 ? try HostAndPort.port(parts[1], lowest: lowestPort) : nil
    }

    private static func port(_ text: some StringProtocol, lowest: UInt16) throws(Refusal) -> UInt16 {
        guard text.utf8.allSatisfy(\.isDigit), let port = UInt16(text), port >= lowest else {
            throw Refusal(message: "expected a port from \(lowest) to 65535 after ':'")
        }
        return port
    }
}

/// "192.0.2.1": four numbers from 0 to 255 without leading zeros.
func isIPv4(_ text: some StringProtocol) -> Bool { !text.contains(":") && IPAddress(String(text)) != nil }

/// "2001:db8::1", "::", "::ffff:192.0.2.1", "fe80::1%eth0", without brackets.
func isIPv6(_ text: some StringProtocol) -> Bool {
    let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 1 || isZone(parts[1]) else { return false }
    return parts[0].contains(":") && IPAddress(String(parts[0])) != nil
}

/// The name or number of a network interface, up to 15 bytes in Linux. Only characters that are safe in a log.
private func isZone(_ text: some StringProtocol) -> Bool {
    (1...15).contains(text.utf8.count)
        && text.utf8.allSatisfy { $0.isDigit || $0.isLetter || "._-".utf8.contains($0) }
}
