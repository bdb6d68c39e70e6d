import ApiFixtures
import Configuration
import DaemonKit
import Foundation
import Glibc
import Linux
import Telemetry
import TestSupport
import Testing

@testable import ApiDocuments
@testable import ApiGateway
@testable import HTTPServing

/// The built program from outside. One after the other: each test has processes and ports of its own, but the
/// machine is one.
@Suite(.serialized, .timeLimit(.minutes(2))) struct GatewayProcessTests {
    private func api(_ change: (inout Settings.API) -> Void = { _ in }) -> Settings.API {
        var api = Settings.API(host: "127.0.0.1", port: 0)
        api.id = Identity.ofFarm.id
        api.workerID = Identity.ofFarm.workerID
        change(&api)
        return api
    }

    @Test func itServesZerosUntilASnapshotComesThenTheSnapshot() throws {
        try GatewayProcess.run(api()) { gateway in
            let client = try gateway.client()
            let before = try client.get("/")
            #expect(before.status == 200)
            #expect(before.text.contains(#""accepted": 0,"#))

            var farm = Snapshot.ofFarm
            farm.time = WallClock.milliseconds() - 500
            try gateway.publish(farm, until: "/", shows: #""accepted": 1204,"#)
            #expect(try client.get("/").text.contains("\"uptime\": 8600"))
            #expect(try client.get("/workers.json").text + "\n" == Golden.text("classic-workers.json"))
            #expect(try client.get("/1/workers").text + "\n" == Golden.text("workers.json"))
            for path in ["/1/summary", "/2/summary", "/api.json"] {
                let reply = try client.get(path)
                #expect(reply.status == 200)
                let object = try #require(JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any])
                #expect(object["workers"] as? Int == 3)
                #expect((object["ua"] as? String)?.hasPrefix("millrace/") == true)
            }
            farm.results.accepted = 1205
            try gateway.publish(farm, until: "/", shows: #""accepted": 1205,"#)
        }
    }

    @Test func everyAnswerIsJSONWithItsHeaders() throws {
        var api = api()
        api.allowsOtherOrigins = true
        try GatewayProcess.run(api) { gateway in
            let client = try gateway.client()
            for (method, path, status) in [
                ("GET", "/", 200), ("HEAD", "/", 200), ("OPTIONS", "/1/workers", 200), ("GET", "/?a=b&c", 200),
                ("GET", "/workers.json?x", 200), ("GET", "/healthz", 200), ("GET", "/workers.json/", 404),
                ("GET", "/%77orkers.json", 404), ("GET", "//", 404), ("GET", "/favicon.ico", 404), ("POST", "/", 405),
                ("PUT", "/1/workers", 405), ("PATCH", "/", 405), ("POST", "/nothing", 404), ("GET", "/1/miners", 200),
                ("GET", "/1/shards", 200), ("GET", "/1/upstreams", 200), ("GET", "/openapi.json", 200),
                ("GET", "/readyz", 503), ("GET", "/1/workers/nobody", 404), ("GET", "/1/workers/%zz", 400),
                ("GET", "/1/workers?limit=1", 200), ("GET", "/1/workers?limit=x", 400), ("GET", "/1/config", 403),
                ("PUT", "/1/config", 403), ("POST", "/json_rpc", 403), ("POST", "/1/shards/0/restart", 403),
            ] {
                let reply = try client.send(method, path)
                #expect(reply.status == status, "\(method) \(path)")
                #expect(reply.header("Content-Type") == "application/json")
                #expect(reply.header("Access-Control-Allow-Origin") == "*")
                if status == 405 { #expect(reply.header("Allow") == "GET, HEAD, OPTIONS") }
                if method == "OPTIONS" {
                    #expect(reply.body.isEmpty)
                } else if method == "HEAD" {
                    #expect(Int(reply.header("Content-Length") ?? "") ?? 0 > 100)
                } else {
                    #expect((try? JSONSerialization.jsonObject(with: Data(reply.body))) != nil, "\(method) \(path)")
                }
            }
        }
    }

    @Test func theTokenIsAskedFor() throws {
        try GatewayProcess.run(api { $0.accessToken = "s3cret" }) { gateway in
            let client = try gateway.client()
            let missing = try client.get("/")
            #expect(missing.status == 401)
            #expect(missing.header("WWW-Authenticate") == "Bearer")
            #expect(missing.text == #"{"status": 401, "error": "UNAUTHORIZED"}"#)
            #expect(try client.get("/", headers: "Authorization: Bearer wrong!\r\n").status == 403)
            #expect(try client.get("/", headers: "Authorization: Bearer s3cret\r\n").status == 200)
            #expect(try client.send("OPTIONS", "/").status == 200)
            #expect(try client.get("/healthz").status == 200)
        }
    }

    @Test func aConnectionServesManyRequestsAndPipelines() throws {
        try GatewayProcess.run(api()) { gateway in
            let connection = try HTTPClient.Connection(gateway.client())
            for _ in 0..<50 {
                connection.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(connection.reply()?.status == 200)
            }
            connection.write(String(repeating: "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", count: 20))
            for _ in 0..<20 { #expect(connection.reply()?.status == 404) }
        }
    }

    @Test func aBodyIsReadAndForgottenUpToALimit() throws {
        try GatewayProcess.run(api()) { gateway in
            let client = try gateway.client()
            let limit = HTTPLimits().requestBodyBytes
            let connection = try HTTPClient.Connection(client)
            for size in [1, 1_000, limit] {
                connection.write("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: \(size)\r\n\r\n")
                connection.write([UInt8](repeating: 0x78, count: size))
                #expect(connection.reply()?.status == 200)
            }
            #expect(try client.send("POST", "/", body: String(repeating: "x", count: limit)).status == 405)
            let announced = try HTTPClient.Connection(client)
            announced.write("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: \(limit + 1)\r\n\r\n")
            #expect(announced.reply()?.text == #"{"status": 413, "error": "CONTENT_TOO_LARGE"}"#)
            #expect(announced.isClosedByServer())
            let chunked = try HTTPClient.Connection(client)
            chunked.write("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<(limit / 0x1000 + 2) {
                chunked.write("1000\r\n" + String(repeating: "x", count: 0x1000) + "\r\n")
            }
            #expect(chunked.isClosedByServer())
            #expect(try client.get("/healthz").status == 200)
        }
    }

    @Test func anIPv6AddressIsServed() throws {
        try GatewayProcess.run(api { $0.host = "::1" }) { gateway in
            #expect(gateway.logLine(containing: "API on http://[::1]:") != nil)
            let client = HTTPClient(host: "::1", port: try gateway.port())
            #expect(try client.get("/").status == 200)
        }
    }

    @Test func aPortInUseIsSaidAndServedOnceItIsFree() throws {
        let occupant = try HTTPListener.open(host: "127.0.0.1", port: 0, backlog: 1)
        let port = HTTPListener.port(of: occupant)
        try GatewayProcess.run(api { $0.port = port }) { gateway in
            #expect(gateway.newsLine(containing: "ready") != nil)
            let line = gateway.logLine(containing: "cannot serve http://127.0.0.1:\(port)/")
            #expect(line?.contains("Address already in use") == true)
            close(occupant)
            let client = try gateway.client()
            #expect(try client.get("/").status == 200)
        }
    }

    @Test func itSaysThatItIsReadyAndBeats() throws {
        try GatewayProcess.run(api()) { gateway in
            #expect(gateway.newsLine(containing: "ready") != nil)
            #expect(gateway.newsLine(containing: "heartbeat") != nil)
        }
    }

    @Test(arguments: [SIGTERM, SIGINT, 0])
    func itLeavesWhenToldAndWhenItsSupervisorIsGone(signal: Int32) throws {
        try GatewayProcess.run(api()) { gateway in
            let idle = try HTTPClient.Connection(gateway.client())
            idle.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(idle.reply()?.status == 200)
            let start = MonotonicClock.milliseconds
            if signal == 0 { gateway.cutLifeline() } else { gateway.signal(signal) }
            #expect(gateway.waitForEnd() == 0)
            // 500 ms is the promise; the rest is for a machine that is busy with other tests.
            #expect(MonotonicClock.milliseconds - start < 2_000)
            #expect(idle.isClosedByServer())
        }
    }

    @Test func anAnswerUnderWayIsFinishedOnLeaving() throws {
        try GatewayProcess.run(api()) { gateway in
            var farm = Snapshot.ofFarm
            farm.workers += (0..<5_000).map {
                var row = Snapshot.WorkerRow(name: "rig-\($0)", ip: "10.0.0.1")
                row.connections = 1
                return row
            }
            try gateway.publish(farm, until: "/workers.json", shows: "rig-4999")
            let connection = try HTTPClient.Connection(gateway.client())
            connection.write("GET /workers.json HTTP/1.1\r\nHost: x\r\n\r\n")
            usleep(50_000)  // more than the sockets hold is waiting for us to read
            gateway.signal(SIGTERM)
            let reply = connection.reply()
            #expect(reply?.text.hasSuffix("}") == true)
            #expect(gateway.waitForEnd() == 0)
        }
    }

    @Test func aHandStartIsRefused() throws {
        #expect(try Command(Checkout.program("millrace-gateway")).code == 64)
    }
}
