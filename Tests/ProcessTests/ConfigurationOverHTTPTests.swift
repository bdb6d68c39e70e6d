import Foundation
import Testing

/// `PUT /1/config` with the real processes.
extension ServiceTests {
    @Suite(.serialized, .timeLimit(.minutes(2)))
    struct ConfigurationOverHTTP {
        /// It changes what the gateway shows, so the gateway is replaced: the old one has to pass on the answer first.
        @Test func whoChangesWhatTheGatewayShowsIsToldThatItIsTaken() throws {
            let place = try Scratch()
            let file = place.url.appending(path: "config.json")
            let text = #"{"workers": "rig_id", "access-password": "sesame"}"#
            try Data(text.utf8).write(to: file)
            let service = try Service(
                shards: 1,
                millrace: ["--config", file.path, "--http-access-token", "TOKEN", "--http-no-restricted"])
            let gateway = service.children("millrace-gateway")

            let shown = ask(service, "GET")
            #expect(shown.contains(#""access-password": "***""#))
            let body = try #require(shown.firstRange(of: "\r\n\r\n")).upperBound
            let wanted = String(shown[body...]).replacing(#""rig_id""#, with: #""user""#)
            let answer = ask(service, "PUT", body: wanted)
            #expect(answer.hasPrefix("HTTP/1.1 204"), "\(answer) \(service.millrace.log)")

            let kept = try String(contentsOf: file, encoding: .utf8)
            #expect(kept.contains(#""workers": "user""#))
            #expect(kept.contains(#""access-password": "sesame""#))
            #expect(eventually(within: 10) { service.children("millrace-gateway") != gateway })
        }

        /// What Gupaxx and others do: no file, another pool by GET, change and PUT.
        @Test func thePoolOfAServiceOfOptionsIsChangedOverHTTP() throws {
            let place = try Scratch()
            let service = try Service(
                shards: 1, millrace: ["--http-access-token", "TOKEN", "--http-no-restricted", "--pass", "secret"])
            #expect(eventually(within: 10) { service.poolLogins == 1 })
            let port = try freePort()
            let other = try Program(
                "millrace-practice-pool",
                ["--port", "\(port)", "--difficulty", "1000", "--quiet"], in: place)
            defer { _ = other.stop() }
            let shown = ask(service, "GET")
            let body = try #require(shown.firstRange(of: "\r\n\r\n")).upperBound
            let wanted = String(shown[body...]).replacing("127.0.0.1:\(service.poolPort)", with: "127.0.0.1:\(port)")
                .replacing(#""user": "practice""#, with: #""user": "another""#)
            let answer = ask(service, "POST", body: wanted)
            #expect(answer.hasPrefix("HTTP/1.1 204"), "\(answer) \(service.millrace.log)")
            // The former pool serves until the other one has given a job.
            #expect(eventually(within: 15) { service.poolConnections == 0 }, "\(service.millrace.log)")
            let shares = try service.startSwarm(["--miners", "2", "--rate", "20", "--seconds", "2"]).finish().shares
            #expect(shares.ok > 0 && shares.ok == shares.sent, "\(shares)")
            #expect(ask(service, "GET").contains("\"url\": \"127.0.0.1:\(port)\""))
            #expect(service.poolAccepted ?? 0 == 0, "no share went to the former pool")
        }

        /// Totals and uptime go back to the same beginning, over a restart of the service.
        @Test func theUptimeIsKeptWithTheTotalsAndTheProcessHasItsOwnAge() throws {
            let place = try Scratch()
            let database = place.url.appending(path: "statistics.sqlite").path
            func uptimes(_ service: Service) -> (span: Int, age: Int) {
                let supervisor = service.document("/1/shards")?["supervisor"] as? [String: Any]
                return (service.document("/1/summary")?["uptime"] as? Int ?? 0, supervisor?["uptime"] as? Int ?? -1)
            }
            var (before, accepted) = (0, 0)
            do {
                let service = try Service(shards: 1, millrace: ["--database", database])
                let swarm = try service.startSwarm(["--miners", "1", "--rate", "5", "--seconds", "2"])
                accepted = try swarm.finish().shares.ok
                #expect(eventually(within: 20) { uptimes(service).span >= 6 && service.accepted == accepted })
                before = uptimes(service).span
                _ = service.millrace.stop()
            }
            let service = try Service(shards: 1, millrace: ["--database", database])
            #expect(eventually(within: 10) { service.accepted == accepted })
            let now = uptimes(service)
            #expect(now.span >= before && now.age >= 0 && now.age < now.span - before + 5, "\(before) \(now)")
        }

        private func ask(_ service: Service, _ method: String, body: String = "") -> String {
            let request =
                "\(method) /1/config HTTP/1.1\r\nHost: test\r\nConnection: close\r\nAuthorization: Bearer TOKEN\r\n"
                + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
            return String(decoding: exchange(port: service.apiPort, Array(request.utf8)), as: UTF8.self)
        }
    }
}
