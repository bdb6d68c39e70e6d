import Testing

@testable import StratumProtocol

/// What the first bytes of a connection say that it is.
struct OpeningTests {
    private func opening(_ bytes: [UInt8]) -> Opening { Opening(bytes.span) }

    static let foreign: [([UInt8], ForeignProtocol)] = [
        (Array("GET / HTTP/1.1\r\n".utf8), .http(isHead: false)),
        (Array("GET /health?x=1 HTTP/1.0\n".utf8), .http(isHead: false)),
        (Array("HEAD /robots.txt HTTP/1.1\r\n".utf8), .http(isHead: true)),
        (Array("POST /json_rpc HTTP/1.1\r\n".utf8), .http(isHead: false)),
        (Array("OPTIONS * HTTP/1.0\r\n".utf8), .http(isHead: false)),
        (Array("CONNECT pool.example:3333 HTTP/1.1\r\n".utf8), .http(isHead: false)),
        (Array("PRI * HTTP/2.0\r\n".utf8), .http(isHead: false)),
        ([0x16, 0x03], .tls),
        (Array("PROXY ".utf8), .proxyHeader),
        ([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a], .proxyHeader),
    ]

    @Test(arguments: foreign)
    func aForeignProtocolIsKnownByItsLastByteAndNotBefore(bytes: [UInt8], expected: ForeignProtocol) {
        for count in 0..<bytes.count { #expect(opening(Array(bytes[..<count])) == .undecided) }
        #expect(opening(bytes) == .foreign(expected))
        #expect(opening(bytes + [0x00, 0xff, 0x0a]) == .foreign(expected))
    }

    @Test(arguments: [
        "{", "{\"id\":1}", "\n", "\r\n\r\nx", "get / HTTP/1.1\r\n", "GETTING", "PROXIES", "\u{16}\u{4}", "\0", " GET /",
        "HELP\r\n", "mining.subscribe\n",
    ])
    func anythingElseIsLeftToTheLines(text: String) {
        #expect(opening(Array(text.utf8)) == .stratum)
    }

    @Test func aRequestLineWithoutEndIsNotWaitedFor() {
        let endless = Array("GET /".utf8) + [UInt8](repeating: 0x61, count: Opening.bytesMax)
        #expect(opening(Array(endless[..<(Opening.bytesMax - 1)])) == .undecided)
        #expect(opening(Array(endless[..<Opening.bytesMax])) == .stratum)
    }

    @Test(arguments: [false, true])
    func theAnswerIsAnHTTPResponse(isHead: Bool) throws {
        let answer = written { MinerReply.http(isHead: isHead, to: &$0) }
        let parts = answer.split(separator: "\r\n\r\n", omittingEmptySubsequences: false)
        try #require(parts.count == 2)
        let fields = parts[0].split(separator: "\r\n")
        #expect(fields.first == "HTTP/1.1 200 OK")
        #expect(fields.contains("Content-Type: text/plain") && fields.contains("Connection: close"))
        #expect(parts[1] == (isHead ? "" : "Millrace Stratum online\n"))
        #expect(fields.contains("Content-Length: \("Millrace Stratum online\n".utf8.count)"))
    }
}
