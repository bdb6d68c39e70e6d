import ApiFixtures
import Configuration
import Control
import TestSupport
import Testing

@testable import ApiDocuments
@testable import ApiGateway
@testable import HTTPServing

/// What reaches the supervisor, and what its word becomes.
@Suite(.serialized, .timeLimit(.minutes(1))) struct WriteTests {
    private let supervisor = ScriptedSupervisor()
    private static let headers = "Authorization: Bearer t\r\nContent-Type: application/json\r\n"

    private func serve(
        _ change: (inout TestServer) -> Void = { _ in }, _ body: (HTTPServer, HTTPClient) throws -> Void
    ) throws {
        var test = TestServer()
        test.api.accessToken = "t"
        test.api.isRestricted = false
        test.channel = supervisor
        change(&test)
        try test.run { server, client, _ in try body(server, client) }
    }

    @Test(arguments: ["PUT", "POST"], ["/1/config", "/2/config"])
    func aConfigurationGoesToTheSupervisorWhole(method: String, path: String) throws {
        let document = #"{"pools": [{"url": "pool.example:3333"}], "note": "ü"}"#
        try serve { _, client in
            let reply = try client.send(method, path, headers: WriteTests.headers, body: document)
            #expect(reply.status == 204)
            #expect(reply.body.isEmpty)
            #expect(reply.header("Content-Type") == nil)
            #expect(reply.header("Access-Control-Allow-Origin") == "*")
            #expect(supervisor.heard == [.configure(document: document)])
        }
    }

    @Test func aConfigurationMayComeInPiecesAndChunks() throws {
        let document = String(repeating: #"{"a": "0123456789"} "#, count: 20_000)
        try serve { _, client in
            let connection = try HTTPClient.Connection(client)
            connection.write(
                "PUT /1/config HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\(WriteTests.headers)\r\n")
            for start in stride(from: 0, to: document.utf8.count, by: 7_001) {
                let piece = Array(document.utf8.dropFirst(start).prefix(7_001))
                connection.write(String(piece.count, radix: 16) + "\r\n")
                connection.write(piece)
                connection.write("\r\n")
            }
            connection.write("0\r\n\r\n")
            #expect(connection.reply()?.status == 204)
            #expect(supervisor.heard == [.configure(document: document)])
        }
    }

    @Test func theReasonOfARefusalIsPassedOn() throws {
        supervisor.reply(.success(.refused(ControlRefusal(.invalid, lines: ["line 3: no pool", "and more"]))))
        try serve { _, client in
            let reply = try client.send("PUT", "/1/config", headers: WriteTests.headers, body: "{}")
            #expect(
                reply.text
                    == #"{"status": 400, "error": "BAD_REQUEST", "message": "line 3: no pool", "lines": ["line 3: no pool", "and more"]}"#
            )
        }
    }

    @Test(
        arguments: [
            (.success(.begun), 202), (.success(.done), 204),
            (.success(.refused(ControlRefusal(.unknownShard, lines: ["no shard 7"]))), 404),
            (.success(.refused(ControlRefusal(.impossible, lines: ["not now"]))), 409),
            (.failure(.noService(path: "/run/secret", reason: "no")), 503),
            (.failure(.noAnswer(afterMilliseconds: 1)), 503), (.failure(.cutOff), 503),
            (.failure(.requestTooLong), 413),
        ] as [(Result<ControlReply, ControlFailure>, Int)])
    func aRestartIsAsked(reply: Result<ControlReply, ControlFailure>, status: Int) throws {
        supervisor.reply(reply)
        try serve { _, client in
            let reply = try client.send("POST", "/1/shards/7/restart", headers: WriteTests.headers)
            #expect(reply.status == status)
            #expect(!reply.text.contains("/run/secret"))
            #expect(supervisor.heard == [.restart(shard: 7)])
        }
    }

    @Test(
        arguments: [
            ("/1/shards/all/restart", "", .restartAll),
            ("/1/shards/3/drain", "", .drain(shard: 3, withinSeconds: 30)),
            ("/1/shards/3/drain", #"{"within": 5}"#, .drain(shard: 3, withinSeconds: 5)),
            ("/1/scale", #"{"shards": 4}"#, .scale(shards: 4, withinSeconds: 30)),
            // What makes no sense is refused by the supervisor, in its own words.
            ("/1/scale", #"{"shards": -4, "within": 0}"#, .scale(shards: -4, withinSeconds: 0)),
        ] as [(String, String, ControlRequest)])
    func theVerbsAreAsked(path: String, body: String, request: ControlRequest) throws {
        supervisor.reply(.success(.begun))
        try serve { _, client in
            let reply = try client.send("POST", path, headers: WriteTests.headers, body: body)
            #expect(reply.status == 202)
            #expect(supervisor.heard == [request])
        }
    }

    @Test(arguments: [
        ("/1/scale", ""), ("/1/scale", "{}"), ("/1/scale", #"{"shards": "4"}"#), ("/1/scale", #"{"shards": 4.5}"#),
        ("/1/scale", #"{"shards": 99999999999999999999}"#), ("/1/scale", "4"),
        ("/1/shards/1/drain", #"{"within": "5"}"#),
        ("/1/shards/1/drain", "within"), ("/1/scale", #"{"shards": 4, "within": true}"#),
    ])
    func aVerbWithoutItsNumbersIsNotAsked(path: String, body: String) throws {
        try serve { _, client in
            let reply = try client.send("POST", path, headers: WriteTests.headers, body: body)
            #expect(reply.status == 400 && reply.text.contains("whole numbers"))
            #expect(supervisor.heard == [])
        }
    }

    @Test func theConfigurationIsRead() throws {
        supervisor.reply(.success(.configuration(document: #"{"pools": []}"#)))
        try serve { _, client in
            let reply = try client.get("/1/config", headers: "Authorization: Bearer t\r\n")
            #expect(reply.status == 200)
            #expect(reply.text == #"{"pools": []}"#)
            #expect(supervisor.heard == [.configuration])
        }
    }

    @Test func whatIsNotAllowedNeverReachesTheSupervisor() throws {
        let requests = [
            ("PUT", "Content-Type: application/json\r\n", 401),
            ("PUT", "Authorization: Bearer x\r\nContent-Type: application/json\r\n", 403),
            ("PUT", "Authorization: Bearer t\r\n", 415),
            ("PUT", "Authorization: Bearer t\r\nContent-Type: text/plain\r\n", 415),
            ("DELETE", WriteTests.headers, 405),
        ]
        try serve { _, client in
            for (method, headers, status) in requests {
                let reply = try client.send(method, "/1/config", headers: headers, body: "{}")
                #expect(reply.status == status)
            }
        }
        try serve {
            $0.api.isRestricted = true
        } _: { _, client in
            let reply = try client.send("PUT", "/1/config", headers: WriteTests.headers, body: "{}")
            #expect(reply.status == 403)
        }
        try serve {
            $0.api.accessToken = nil
        } _: { _, client in
            let reply = try client.send("PUT", "/1/config", headers: WriteTests.headers, body: "{}")
            #expect(reply.status == 403)
        }
        #expect(supervisor.heard.isEmpty)
    }

    @Test func whoMayNotWriteIsToldSoBeforeALongBodyIsThere() throws {
        try serve { _, client in
            let connection = try HTTPClient.Connection(client)
            connection.write(
                "PUT /1/config HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\nExpect: 100-continue\r\n\r\n")
            #expect(connection.reply()?.status == 401)
            #expect(connection.isClosedByServer())
        }
    }

    @Test func aConfigurationThatIsTooLongOrNoTextIsRefused() throws {
        try serve {
            $0.limits.configurationBytes = 1_000
        } _: { _, client in
            let fits = String(repeating: " ", count: 1_000)
            #expect(try client.send("PUT", "/1/config", headers: WriteTests.headers, body: fits).status == 204)
            let announced = try client.send("PUT", "/1/config", headers: WriteTests.headers, body: fits + " ")
            #expect(announced.text == #"{"status": 413, "error": "CONTENT_TOO_LARGE"}"#)
            let chunked = try HTTPClient.Connection(client)
            chunked.write(
                "PUT /1/config HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\(WriteTests.headers)\r\n"
                    + "3e9\r\n\(fits) \r\n0\r\n\r\n")
            #expect(chunked.isClosedByServer())
            let lying = try HTTPClient.Connection(client)
            lying.write(
                "PUT /1/config HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n"
                    + "\(WriteTests.headers)\r\n3e9\r\n\(fits) \r\n0\r\n\r\n")
            #expect(lying.isClosedByServer())
            let noText = try HTTPClient.Connection(client)
            noText.write("PUT /1/config HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\(WriteTests.headers)\r\n")
            noText.write([0xff])
            #expect(noText.reply()?.status == 400)
            #expect(supervisor.heard.count == 1)
        }
    }

    @Test func whatIsBeingCollectedHasALimitTogether() throws {
        try serve {
            $0.limits.http.collectedBytes = 1_000
        } _: { _, client in
            let slow = try HTTPClient.Connection(client)
            slow.write("PUT /1/config HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\(WriteTests.headers)\r\n")
            slow.write("{")
            #expect(try client.get("/healthz").status == 200)
            let body = String(repeating: " ", count: 200)
            // The two threads may not have got to the slow one's headers yet.
            var status = 204
            for _ in 0..<100 where status == 204 {
                status = try client.send("PUT", "/1/config", headers: WriteTests.headers, body: body).status
            }
            #expect(status == 503)
            slow.write(String(repeating: " ", count: 899))
            #expect(slow.reply()?.status == 204)
            #expect(try client.send("PUT", "/1/config", headers: WriteTests.headers, body: body).status == 204)
        }
    }

    @Test(arguments: [
        (#"{"jsonrpc": "2.0", "id": 7, "method": "x"}"#, "7", -32_601),
        (#"{"id": "a\"", "method": "x"}"#, #""a\"""#, -32_601),
        (#"{"id": 1}"#, "1", -32_600), (#"{"id": 1, "method": 5}"#, "1", -32_600), ("[]", "null", -32_600),
        ("5", "null", -32_600), ("{", "null", -32_700), ("", "null", -32_700), ("\u{0}", "null", -32_700),
        (#"{"id": {"a": 1}, "method": "x"}"#, "null", -32_601),
        (String(repeating: "[", count: 10_000), "null", -32_700),
    ])
    func jsonRPCHasNoMethods(body: String, id: String, code: Int) throws {
        let answer = String(decoding: JSONRPC.response(to: Array(body.utf8)), as: UTF8.self)
        #expect(answer.hasPrefix(#"{"id": \#(id), "jsonrpc": "2.0", "error": {"code": \#(code), "message": "#))
    }

    @Test func jsonRPCIsAnsweredOverHTTP() throws {
        try serve { _, client in
            let reply = try client.send("POST", "/json_rpc", headers: WriteTests.headers, body: #"{"id": 3}"#)
            #expect(reply.status == 200)
            #expect(
                reply.text == #"{"id": 3, "jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}}"#)
        }
    }
}
