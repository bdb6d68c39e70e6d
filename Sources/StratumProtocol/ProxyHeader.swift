public import Addresses

/// The PROXY protocol header of HAProxy, versions 1 and 2: a balancer sends it first, with the address of its client.
public enum ProxyHeader: Equatable, Sendable {
    /// More bytes are needed.
    case undecided
    /// The first `count` bytes are the header. Without a source the address of the socket counts: the balancer connects
    /// for itself (a health check), or for a client without an IP address.
    case complete(count: Int, source: IPAddress?)
    case refused(ProxyHeaderFault)

    /// The longest line of version 1 including CR LF, by the specification.
    public static let textBytesMax = 107
    /// The longest header of version 2, including the TLVs after the addresses. The specification requires at least
    /// 536; the details of a client's TLS certificate need more, and nginx accepts this many.
    public static let binaryBytesMax = 4_096

    static let textStart: StaticString = "PROXY "
    static let signature: StaticString = "\r\n\r\n\0\r\nQUIT\n"
    /// The signature, the version and command, the family, and the length of the rest.
    private static let binaryHeadBytes = 16

    /// - Parameter bytes: everything that the connection has sent.
    public init(_ bytes: Span<UInt8>) {
        switch (bytes.match(ProxyHeader.textStart), bytes.match(ProxyHeader.signature)) {
        case (.whole, _): self = ProxyHeader.text(bytes)
        case (_, .whole): self = ProxyHeader.binary(bytes)
        case (.beginning, _), (_, .beginning): self = .undecided
        case (.none, .none): self = .refused(.missing)
        }
    }

    // MARK: - Version 1

    /// "PROXY TCP4 192.0.2.9 192.0.2.1 4000 3333\r\n"
    private static func text(_ bytes: Span<UInt8>) -> ProxyHeader {
        let line = bytes.extracting(0..<min(bytes.count, textBytesMax))
        guard let end = line.index(of: 0x0a, from: 0) else {
            return line.count < textBytesMax ? .undecided : .refused(.tooLong(limit: textBytesMax))
        }
        guard line[end - 1] == 0x0d else { return .refused(.malformed) }
        let text = line.extracting(textStart.utf8CodeUnitCount..<end - 1)
        var words = Words(end: text.count)
        let family = text.extracting(words.next(in: text))
        // The rest of such a line is ignored, by the specification.
        if family.equals("UNKNOWN") { return .complete(count: end + 1, source: nil) }
        let (source, target) = (words.next(in: text), words.next(in: text))
        let addresses = [source, target].map { word -> IPAddress? in
            let word = text.extracting(word)
            if family.equals("TCP4") { return IPAddress.v4(word).map { IPAddress(v4: $0) } }
            return family.equals("TCP6") ? IPAddress.v6(word) : nil
        }
        let (sourcePort, targetPort) = (words.next(in: text), words.next(in: text))
        guard let source = addresses[0], addresses[1] != nil, isPort(text.extracting(sourcePort)),
            isPort(text.extracting(targetPort)), words.isAtEnd
        else { return .refused(.malformed) }
        return .complete(count: end + 1, source: source)
    }

    private static func isPort(_ text: Span<UInt8>) -> Bool {
        guard (1...5).contains(text.count), text.count == 1 || text[0] != 0x30 else { return false }
        var number = 0
        for position in text.indices {
            guard case 0x30...0x39 = text[position] else { return false }
            number = number * 10 + Int(text[position] - 0x30)
        }
        return number <= 65_535
    }

    /// The words of a line, separated by one space.
    private struct Words {
        let end: Int
        private var position = 0
        private(set) var isAtEnd = false

        init(end: Int) { self.end = end }

        /// The next word; empty after the last one.
        mutating func next(in line: Span<UInt8>) -> Range<Int> {
            let start = position
            let stop = line.index(of: 0x20, from: start) ?? end
            isAtEnd = stop == end
            position = min(stop + 1, end)
            return start..<stop
        }
    }

    // MARK: - Version 2

    private static func binary(_ bytes: Span<UInt8>) -> ProxyHeader {
        guard bytes.count >= binaryHeadBytes else { return .undecided }
        let rest = Int(bytes[14]) << 8 | Int(bytes[15])
        let count = binaryHeadBytes + rest
        // The version, and the command: LOCAL or PROXY.
        guard bytes[12] == 0x20 || bytes[12] == 0x21 else { return .refused(.malformed) }
        let isLocal = bytes[12] == 0x20
        // The length of the addresses and ports.
        let addressBytes: Int
        switch bytes[13] {
        case _ where isLocal: addressBytes = 0
        case 0x00: addressBytes = 0
        case 0x11, 0x12: addressBytes = 12
        case 0x21, 0x22: addressBytes = 36
        case 0x31, 0x32: addressBytes = 216
        default: return .refused(.malformed)
        }
        guard rest >= addressBytes else { return .refused(.malformed) }
        guard count <= binaryBytesMax else { return .refused(.tooLong(limit: binaryBytesMax)) }
        guard bytes.count >= count else { return .undecided }
        // TCP only: a datagram or Unix socket has no address that counts here.
        switch bytes[13] {
        case 0x11 where !isLocal:
            let address = UInt32(truncatingIfNeeded: bytes.number(at: 16, bytes: 4))
            return .complete(count: count, source: IPAddress(v4: address))
        case 0x21 where !isLocal:
            let address = IPAddress(high: bytes.number(at: 16, bytes: 8), low: bytes.number(at: 24, bytes: 8))
            return .complete(count: count, source: address)
        default:
            return .complete(count: count, source: nil)
        }
    }
}

/// Why a connection that must begin with a PROXY header is closed.
public enum ProxyHeaderFault: Equatable, Sendable {
    /// It begins with something else.
    case missing
    case malformed
    case tooLong(limit: Int)
    /// The rest of it did not come in time.
    case incomplete

    /// The text for log lines, after "it sent".
    public var text: String {
        switch self {
        case .missing: "no PROXY protocol header"
        case .malformed: "a malformed PROXY protocol header"
        case .tooLong(let limit): "a PROXY protocol header longer than \(limit) bytes"
        case .incomplete: "no complete PROXY protocol header in time"
        }
    }
}

extension Span<UInt8> {
    fileprivate func equals(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && match(text) == .whole
    }

    /// A number in network byte order.
    fileprivate func number(at start: Int, bytes count: Int) -> UInt64 {
        var number: UInt64 = 0
        for position in start..<start + count { number = number << 8 | UInt64(self[position]) }
        return number
    }
}
