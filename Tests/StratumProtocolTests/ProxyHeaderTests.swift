import Addresses
import TestSupport
import Testing

@testable import StratumProtocol

/// What a balancer writes in front of a connection, version 1 and 2.
struct ProxyHeaderTests {
    private static let signature: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
    private static let v4: [UInt8] = [192, 0, 2, 9, 192, 0, 2, 1, 0x0f, 0xa0, 0x0d, 0x05]
    private static let v6: [UInt8] =
        [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [7] + [UInt8](repeating: 1, count: 20)
    private static let mapped: [UInt8] =
        [UInt8](repeating: 0, count: 10) + [255, 255, 198, 51, 100, 3] + [UInt8](repeating: 1, count: 20)

    /// - Parameter length: as the header says it; nil = that of the rest.
    private static func v2(
        _ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil
    ) -> [UInt8] {
        let length = length ?? rest.count
        return signature + [command, family, UInt8(length >> 8), UInt8(length & 0xff)] + rest
    }

    struct Vector: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        /// Of a good one, nil = the socket's.
        let source: String?
        let fault: ProxyHeaderFault?

        init(_ text: String, _ source: String?, fault: ProxyHeaderFault? = nil) {
            self.init(text, Array(text.utf8), source, fault: fault)
        }

        init(_ name: String, _ bytes: [UInt8], _ source: String? = nil, fault: ProxyHeaderFault? = nil) {
            (self.name, self.bytes, self.source, self.fault) = (name, bytes, source, fault)
        }

        var testDescription: String { String(name.prefix(60)) }
    }

    private static let ones = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

    static let good: [Vector] = [
        // Those of the specification.
        Vector("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255"),
        Vector("PROXY TCP6 \(ones) \(ones) 65535 65535\r\n", ones),
        Vector("PROXY UNKNOWN\r\n", nil),
        Vector("PROXY UNKNOWN \(ones) \(ones) 65535 65535\r\n", nil),
        Vector("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", "192.168.0.1"),
        // Others.
        Vector("PROXY UNKNOWN and whatever stands here\r\n", nil),
        Vector("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0"),
        Vector("PROXY TCP6 2001:DB8::000A ::1 1 2\r\n", "2001:db8::a"),
        Vector("PROXY TCP6 ::ffff:192.0.2.5 ::ffff:192.0.2.1 1 2\r\n", "192.0.2.5"),
        Vector("PROXY TCP6 ::FFFF:C000:0205 ::1 1 2\r\n", "192.0.2.5"),
        Vector("v2 TCP4", v2(0x21, 0x11, v4), "192.0.2.9"),
        Vector("v2 TCP4 with TLVs", v2(0x21, 0x11, v4 + [3, 0, 4, 1, 2, 3, 4, 4, 0, 0]), "192.0.2.9"),
        Vector("v2 TCP4 with broken TLVs", v2(0x21, 0x11, v4 + [0xea, 0xff]), "192.0.2.9"),
        Vector("v2 TCP6", v2(0x21, 0x21, v6), "2001:db8::7"),
        Vector("v2 TCP6 with TLVs", v2(0x21, 0x21, v6 + [UInt8](repeating: 4, count: 500)), "2001:db8::7"),
        Vector("v2 IPv4 in IPv6", v2(0x21, 0x21, mapped), "198.51.100.3"),
        Vector("v2 LOCAL", v2(0x20, 0x00, [])),
        Vector("v2 LOCAL with addresses", v2(0x20, 0x11, v4)),
        Vector("v2 LOCAL with a family that is none", v2(0x20, 0xff, [1, 2, 3])),
        Vector("v2 UNSPEC", v2(0x21, 0x00, [])),
        Vector("v2 UNSPEC with a rest", v2(0x21, 0x00, [UInt8](repeating: 7, count: 300))),
        Vector("v2 Unix", v2(0x21, 0x31, [UInt8](repeating: 0x2f, count: 216))),
        Vector("v2 UDP over IPv4", v2(0x21, 0x12, v4)),
        Vector("v2 UDP over IPv6", v2(0x21, 0x22, v6)),
        Vector("v2 of the greatest length", v2(0x21, 0x11, v4 + [UInt8](repeating: 0, count: 4_068)), "192.0.2.9"),
    ]

    private static let tooLong = ProxyHeaderFault.tooLong(limit: ProxyHeader.textBytesMax)

    static let bad: [Vector] =
        [
            "PROXY TCP4 192.0.2.9 192.0.2.1 4000 3333\n", "PROXY TCP4 192.0.2.9 192.0.2.1 4000\r\n",
            "PROXY TCP4 192.0.2.9 192.0.2.1 4000 3333 \r\n", "PROXY TCP4  192.0.2.9 192.0.2.1 4000 3333\r\n",
            "PROXY TCP4 192.0.2.256 192.0.2.1 4000 3333\r\n", "PROXY TCP4 192.0.02.9 192.0.2.1 4000 3333\r\n",
            "PROXY TCP4 192.0.2 192.0.2.1 4000 3333\r\n", "PROXY TCP4 ::1 ::1 4000 3333\r\n",
            "PROXY TCP6 192.0.2.9 192.0.2.1 4000 3333\r\n", "PROXY TCP6 :::1 ::1 4000 3333\r\n",
            "PROXY TCP6 fe80::1%eth0 ::1 4000 3333\r\n", "PROXY TCP4 192.0.2.9 192.0.2.1 65536 3333\r\n",
            "PROXY TCP4 192.0.2.9 192.0.2.1 04000 3333\r\n", "PROXY TCP4 192.0.2.9 192.0.2.1 -1 3333\r\n",
            "PROXY TCP4\t192.0.2.9 192.0.2.1 4000 3333\r\n", "PROXY tcp4 192.0.2.9 192.0.2.1 4000 3333\r\n",
            "PROXY TCP5 192.0.2.9 192.0.2.1 4000 3333\r\n", "PROXY UNKNOWNS\r\n", "PROXY \r\n", "PROXY  UNKNOWN\r\n",
            "PROXY TCP4 miner.example 192.0.2.1 4000 3333\r\n", "PROXY \n",
        ].map { Vector($0, nil, fault: .malformed) }
        + [
            "{\"id\":1,\"method\":\"login\"}\n", "GET / HTTP/1.1\r\n", "proxy TCP4 ", "PROXY\r\n", "\r\n\r\n\0\r\nQUIX",
            "\n", "\u{16}\u{3}\u{1}",
        ].map { Vector($0, nil, fault: .missing) } + [
            Vector("PROXY UNKNOWN " + String(repeating: "x", count: 92) + "\r\n", nil, fault: tooLong),
            Vector("PROXY TCP4 " + String(repeating: "1", count: 1_000), nil, fault: tooLong),
            Vector("version 1 in binary", v2(0x11, 0x11, v4), fault: .malformed),
            Vector("version 3", v2(0x31, 0x11, v4), fault: .malformed),
            Vector("a command that is none", v2(0x22, 0x11, v4), fault: .malformed),
            Vector("a family that is none", v2(0x21, 0x41, v6), fault: .malformed),
            Vector("a transport that is none", v2(0x21, 0x13, v4), fault: .malformed),
            Vector("an unspecified family with a transport", v2(0x21, 0x01, v4), fault: .malformed),
            Vector("IPv4 too short", v2(0x21, 0x11, Array(v4.dropLast())), fault: .malformed),
            Vector("IPv6 too short", v2(0x21, 0x21, v4), fault: .malformed),
            Vector("Unix too short", v2(0x21, 0x31, v6), fault: .malformed),
            Vector(
                "longer than the limit", v2(0x21, 0x11, v4, length: 4_081),
                fault: .tooLong(limit: ProxyHeader.binaryBytesMax)),
            Vector(
                "LOCAL longer than the limit", v2(0x20, 0, [], length: 65_535),
                fault: .tooLong(limit: ProxyHeader.binaryBytesMax)),
        ]

    private func read(_ bytes: [UInt8]) -> ProxyHeader { ProxyHeader(bytes.span) }

    @Test(arguments: good)
    func aGoodHeaderNamesTheSource(vector: Vector) {
        let expected = ProxyHeader.complete(count: vector.bytes.count, source: vector.source.flatMap { IPAddress($0) })
        for behind in ["", "{\"id\":1}\n", "\r\n", " "] {
            #expect(read(vector.bytes + Array(behind.utf8)) == expected)
        }
        for count in vector.bytes.indices { #expect(read(Array(vector.bytes[..<count])) == .undecided) }
        if case .complete(_, let source?) = expected { #expect(source.text == vector.source) }
    }

    /// Once it is refused it stays so, whatever comes behind; and a part of it never is a good one.
    @Test(arguments: bad)
    func aBadHeaderIsRefusedAsSoonAsItIsOne(vector: Vector) {
        var refusal: ProxyHeader?
        for count in 0...vector.bytes.count {
            let header = read(Array(vector.bytes[..<count]))
            if let refusal { #expect(header == refusal) }
            if case .complete = header { Issue.record("\(count) bytes are a good header") }
            if case .refused = header { refusal = header }
        }
        #expect(refusal == .refused(vector.fault!))
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func damagedHeadersAreReadOrRefusedTheSameHoweverTheyArrive(seed: UInt64) {
        var dice = SeededGenerator(seed: seed)
        func roll(_ sides: Int) -> Int { dice.below(sides) }
        let samples = (ProxyHeaderTests.good + ProxyHeaderTests.bad).map(\.bytes).filter { $0.count < 700 }
        var (complete, refused, undecided) = (0, 0, 0)
        for _ in 0..<4_000 {
            var bytes = samples[roll(samples.count)]
            for _ in 0...roll(4) where !bytes.isEmpty {
                switch roll(4) {
                case 0: bytes[roll(bytes.count)] = UInt8(roll(256))
                case 1: bytes.remove(at: roll(bytes.count))
                case 2: bytes.insert([0x20, 0x0d, 0x0a, 0x3a, 0x2e, 0x30, 0xff][roll(7)], at: roll(bytes.count + 1))
                default: bytes += samples[roll(samples.count)].prefix(roll(60))
                }
            }
            let whole = read(bytes)
            let first = bytes.indices.lazy.map { read(Array(bytes[...$0])) }.first { $0 != .undecided }
            // What was decided on fewer bytes is decided.
            #expect(first ?? .undecided == whole)
            switch whole {
            case .complete(let count, _):
                complete += 1
                #expect(count > 0 && count <= min(bytes.count, ProxyHeader.binaryBytesMax))
            case .refused: refused += 1
            case .undecided:
                undecided += 1
                #expect(bytes.count < ProxyHeader.binaryBytesMax)
            }
        }
        #expect(complete > 100 && refused > 100 && undecided > 100)
    }
}
