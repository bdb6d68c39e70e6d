import Foundation
import TestSupport
import Testing

/// `PUT /1/config` with the real processes.
extension ServiceTests {
    @Suite(.serialized, .timeLimit(.minutes(2)))
    struct ConfigurationOverHTTP {
        /// It changes what the gateway shows, so the gateway is replaced: the old one has to pass on the answer first.
        @Test func whoChangesWhatTheGatewayShowsIsToldThatItIsTaken() throws {
            let place = Scratch()
            let file = try place.write(#"{"workers": "rig_id", "access-password": "sesame"}"#, to: "config.json")
            let service = try Service(
                shards: 1,
                millrace: ["--config", file, "--http-access-token", "TOKEN", "--http-no-restricted"])
            let gateway = service.children("millrace-gateway")

            let shown = try service.send("GET", "/1/config").text
            #expect(shown.contains(#""access-password": "***""#))
            let wanted = shown.replacing(#""rig_id""#, with: #""user""#)
            let answer = try service.send("PUT", "/1/config", body: wanted)
            #expect(answer.status == 204, "\(answer.text) \(service.millrace.log)")

            let kept = try String(contentsOfFile: file, encoding: .utf8)
            #expect(kept.contains(#""workers": "user""#))
            #expect(kept.contains(#""access-password": "sesame""#))
            #expect(eventually(within: 10) { service.children("millrace-gateway") != gateway })
        }

        /// What Gupaxx and others do: no file, another pool by GET, change and PUT.
        @Test func thePoolOfAServiceOfOptionsIsChangedOverHTTP() throws {
            let place = Scratch()
            let service = try Service(
                shards: 1, millrace: ["--http-access-token", "TOKEN", "--http-no-restricted", "--pass", "secret"])
            #expect(eventually(within: 10) { service.pool.logins == 1 })
            let other = try PracticePool(in: place)
            let shown = try service.send("GET", "/1/config").text
            let wanted = shown.replacing("127.0.0.1:\(service.poolPort)", with: "127.0.0.1:\(other.port)")
                .replacing(#""user": "practice""#, with: #""user": "another""#)
            let answer = try service.send("POST", "/1/config", body: wanted)
            #expect(answer.status == 204, "\(answer.text) \(service.millrace.log)")
            // The former pool serves until the other one has given a job.
            #expect(eventually(within: 15) { service.pool.connections == 0 }, "\(service.millrace.log)")
            let shares = try service.startSwarm(["--miners", "2", "--rate", "20", "--seconds", "2"]).finish().shares
            #expect(shares.ok > 0 && shares.ok == shares.sent, "\(shares)")
            #expect(try service.send("GET", "/1/config").text.contains("\"url\": \"127.0.0.1:\(other.port)\""))
            #expect(service.pool.accepted ?? 0 == 0, "no share went to the former pool")
        }

        /// Totals and uptime go back to the same beginning, over a restart of the service.
        @Test func theUptimeIsKeptWithTheTotalsAndTheProcessHasItsOwnAge() throws {
            let place = Scratch()
            let database = place.file("statistics.sqlite").path
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
            // The gateway knows the totals before it has asked the supervisor for its state.
            #expect(eventually(within: 10) { service.accepted == accepted && uptimes(service).age >= 0 })
            let now = uptimes(service)
            #expect(now.span >= before && now.age >= 0 && now.age < now.span - before + 5, "\(before) \(now)")
        }
    }
}
