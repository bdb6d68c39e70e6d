import ApiFixtures
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import HTTPServing

/// Compression, entity tags, and what clients say about them.
@Suite(.serialized, .timeLimit(.minutes(1))) struct ContentTests {
    private static let table = Array(String(repeating: #"["rig-17", "10.0.0.1", 1, 0]\#n"#, count: 5_000).utf8)

    /// Serves a table whose content depends on the number that `body` gets.
    private func serve(_ body: (HTTPClient, borrowing Atomic<Int>) throws -> Void) throws {
        let content = Content()
        var test = TestServer()
        test.application.answer = { path in
            switch path {
            case "/1/workers": .document(Self.table + Array("\(content.number.load(ordering: .relaxed))".utf8))
            case "/metrics": .document(Array("a 1\n".utf8), type: .metrics)
            case "/readyz": .document(Array("{}".utf8), status: 503)
            default: .document(Array("{}".utf8))
            }
        }
        try test.run { _, client in try body(client, content.number) }
    }

    private final class Content: Sendable {
        let number = Atomic<Int>(0)
    }

    @Test(
        arguments: [
            (nil, .identity), ("", .identity), ("gzip", .gzip), ("GZIP", .gzip), ("x-gzip", .gzip),
            ("gzip, deflate, br", .gzip), ("deflate, br", .identity), ("*", .gzip), ("identity", .identity),
            ("gzip;q=0", .identity), ("gzip; q=0.0", .identity), ("gzip;q=0.001", .gzip), ("*;q=0", .identity),
            ("gzip;q=0.5, identity", .identity), ("gzip;q=1.0, identity; q=0.5", .gzip), ("identity;q=0", .identity),
            ("br;q=1.0, gzip;q=0.8, *;q=0.1", .gzip), ("*, gzip;q=0", .identity), ("gzip;q=nonsense", .identity),
            ("identity;q=0.5, *;q=0.9", .gzip), (";,;gzip", .identity), (";,gzip", .gzip),
        ] as [(String?, ContentCoding)])
    func theClientSaysWhatItTakes(header: String?, coding: ContentCoding) {
        #expect(ContentCoding(acceptedBy: header) == coding, "\(header ?? "nothing")")
    }

    @Test func whatWasCompressedIsTheSame() throws {
        try serve { client, _ in
            let plain = try client.get("/1/workers")
            #expect(plain.header("Content-Encoding") == nil)
            #expect(plain.header("Vary") == "Accept-Encoding")
            let packed = try client.get("/1/workers", headers: "Accept-Encoding: gzip\r\n")
            #expect(packed.header("Content-Encoding") == "gzip")
            #expect(packed.header("Vary") == "Accept-Encoding")
            #expect(packed.header("ETag") != plain.header("ETag"))
            #expect(packed.body.count < plain.body.count / 10)
            #expect(try gunzip(packed.body) == plain.body)
        }
    }

    @Test func aShortBodyIsNotCompressed() throws {
        try serve { client, _ in
            let reply = try client.get("/1/summary", headers: "Accept-Encoding: gzip\r\n")
            #expect(reply.header("Content-Encoding") == nil)
            #expect(reply.text == "{}")
        }
    }

    @Test func whatDoesNotGetShorterIsLeftAsItIs() {
        var state: UInt64 = 1
        let noise = (0..<10_000).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
        #expect(ContentCoding.gzip(noise) == nil)
        #expect(ContentCoding.gzip([]) == nil)
        #expect(ContentCoding.gzip([UInt8](repeating: 7, count: 100_000))?.prefix(2) == [0x1f, 0x8b])
    }

    @Test(arguments: ["", "Accept-Encoding: gzip\r\n"])
    func whoHasItAlreadyGetsFewWords(headers: String) throws {
        try serve { client, content in
            let first = try client.get("/1/workers", headers: headers)
            let tag = try #require(first.header("ETag"))
            #expect(tag.hasPrefix("\"") && tag.hasSuffix("\""))
            for known in [tag, "W/\(tag)", "\"other\", \(tag)", "*"] {
                let again = try client.get("/1/workers", headers: headers + "If-None-Match: \(known)\r\n")
                #expect(again.status == 304, "\(known)")
                #expect(again.body.isEmpty)
                #expect(again.header("ETag") == tag)
                #expect(again.header("Vary") == "Accept-Encoding")
                #expect(again.header("Cache-Control") == "no-cache")
            }
            for unknown in ["\"other\"", "x", "", String(tag.dropLast())] {
                #expect(
                    try client.get("/1/workers", headers: headers + "If-None-Match: \(unknown)\r\n").status == 200)
            }
            content.store(5, ordering: .relaxed)
            let changed = try client.get("/1/workers", headers: headers + "If-None-Match: \(tag)\r\n")
            #expect(changed.status == 200)
            #expect(changed.header("ETag") != tag)
        }
    }

    @Test func aConnectionGoesOnAfterFewWords() throws {
        try serve { client, _ in
            let tag = try #require(try client.get("/1/workers").header("ETag"))
            let connection = try HTTPClient.Connection(client)
            for _ in 0..<3 {
                connection.write("GET /1/workers HTTP/1.1\r\nHost: x\r\nIf-None-Match: \(tag)\r\n\r\n")
                #expect(connection.reply(hasBody: false)?.status == 304)
            }
            connection.write("GET /1/summary HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(connection.reply()?.text == "{}")
        }
    }

    @Test func theHeadSaysWhatTheBodyWouldBe() throws {
        try serve { client, _ in
            for headers in ["", "Accept-Encoding: gzip\r\n"] {
                let whole = try client.get("/1/workers", headers: headers)
                let head = try client.send("HEAD", "/1/workers", headers: headers)
                #expect(head.status == 200)
                for name in ["Content-Length", "Content-Type", "Content-Encoding", "ETag", "Vary"] {
                    #expect(head.header(name) == whole.header(name))
                }
                let known = "If-None-Match: \(whole.header("ETag") ?? "")\r\n"
                #expect(try client.send("HEAD", "/1/workers", headers: headers + known).status == 304)
            }
        }
    }

    @Test func eachPageHasItsContentType() throws {
        try serve { client, _ in
            #expect(try client.get("/metrics").header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
            #expect(try client.get("/1/summary").header("Content-Type") == "application/json")
            let readiness = try client.get("/readyz", headers: "If-None-Match: *\r\n")
            #expect(readiness.status == 503)
            #expect(readiness.header("ETag") == nil)
        }
    }

    private func gunzip(_ bytes: [UInt8]) throws -> [UInt8] {
        let scratch = Scratch()
        let file = scratch.file("body.gz")
        try Data(bytes).write(to: file)
        return try Command(URL(filePath: "/usr/bin/env"), ["gzip", "-dc", file.path]).outputBytes
    }
}
