import Foundation
import TestSupport
import Testing

extension ServiceTests {
    /// Files with mistakes, put into the place of a good one while shares go by.
    @Suite(.serialized, .timeLimit(.minutes(2)))
    struct BadConfigurationProcessTests {
        private let place = Scratch()
        private var file: URL { place.file("config.json") }

        /// What is wrong: a part of the good file, what stands there instead, and what the operator reads.
        private static let mistakes: [(part: String, mistake: String, reason: String)] = [
            ("\"retries\": 5,", "\"retries\": 5", "4:3: expected ',' or '}' after a member"),
            ("\"retries\":", "\"retries\"", "3:13: expected ':' after the key"),
            ("\"retries\"", "retries", "3:3: expected a key in double quotes"),
            ("5,", "05,", "3:14: expected a number as JSON defines it"),
            ("\"retries\": 5,", "\"api\": 5,", "3:10: api: expected an object, found a number"),
            ("\"retries\": 5,", "\"access-password\": 5,", "3:22: access-password: expected a string, found a number"),
            ("\"retries\": 5,", "\"api\": {\"access-token\": 7},", "3:27: api.access-token: expected a string"),
            ("\"x\"", "\"x", "2:48: this string is not closed on its line"),
            ("false\n}", "false\n", "6:1: the file ends, but the '{' of line 1, column 1 is not closed"),
            ("false\n}", "no\n}", "5:12: expected a value; strings must be in double quotes"),
            ("false\n}", "false\n} {}", "6:3: expected the end of the file"),
            ("false\n}", "false\n} /* mine", "6:3: this comment is not closed"),
            ("\"user\": \"x\"", "\"user\": \"x\\n\"", "2:48: pools[0].user: expected a string without line breaks"),
            ("\"url\": \"127.0.0.1:PORT\", ", "", "2:13: pools[0]: expected a \"url\""),
            (":PORT", ":99999", "2:21: pools[0].url: expected a port from 1 to 65535"),
            ("\"watch\": false", "\"log-file\": \"a\\n\"", "5:15: log-file: expected a string without line breaks"),
            ("\"watch\": false", "\"access-password\": -1", "5:22: access-password: expected a string"),
            ("\"watch\": false", "\"api\": {\"port\": -1}", "5:19: api.port: expected a number from 0"),
            ("\"watch\": false", "\"http\": {\"restricted\": 0}", "5:26: http.restricted: expected true or false"),
            ("\"shards\": 2", "\"history-days\": \"all\"", "4:32: millrace.history-days: expected a number"),
            ("\"shards\": 2", "\"shards\": \u{201C}2\u{201D}", "found U+201C, a character outside ASCII"),
        ]

        private func write(_ text: String) throws { try place.write(text, to: "config.json") }

        @Test func twentyBadFilesUnderLoadAreRefusedAndNobodyNotices() throws {
            let pool = try PracticePool(["--job-interval", "2"], in: place)
            let good = """
                {
                  "pools": [{"url": "127.0.0.1:PORT", "user": "x"}],
                  "retries": 5,
                  "millrace": {"shards": 2},
                  "watch": false
                }
                """
            try write(good.replacing("PORT", with: "\(pool.port)"))
            let service = try Service(millrace: ["--config", file.path], namesPool: false)
            let swarm = try service.startSwarm(
                [
                    "--miners", "200", "--rate", "300", "--workers", "50", "--seconds", "16",
                ], reaching: 300)
            let before = service.allChildren

            for (part, mistake, reason) in Self.mistakes {
                let bad = good.replacing(part, with: mistake)
                try #require(bad != good, "\(part) is not in the file")
                try write(bad.replacing("PORT", with: "\(pool.port)"))
                let answer = try service.verb("reload")
                #expect(answer.code != 0, "\(mistake)")
                #expect(answer.text.contains("/config.json:"))
                #expect(answer.text.contains(reason), "\(answer.text)")
                #expect(service.millrace.log.contains(reason))
                #expect(try service.verb("status").text.contains(reason))
                #expect(
                    eventually(within: 3) { refusal(service).contains { $0.contains(reason) } },
                    "\(reason): \(refusal(service))")
            }
            #expect(service.allChildren == before)

            try write(good.replacing("PORT", with: "\(pool.port)"))
            #expect(try service.verb("reload").code == 0)
            #expect(eventually(within: 3) { refusal(service).isEmpty })
            let result = try swarm.finish()
            #expect(result.connections.lost == 0)
            #expect(result.shares.ok > 2_000)
            #expect(result.shares.lost == 0)
            #expect(result.shares.refused == [:])
            #expect(eventually(within: 5) { pool.accepted == result.shares.ok })
            #expect(eventually(within: 5) { service.accepted == result.shares.ok })
            #expect(service.allChildren == before)
        }

        /// What the API says of the file that was refused last.
        private func refusal(_ service: Service) -> [String] {
            let configuration = service.document("/1/shards")?["configuration"] as? [String: Any]
            return configuration?["last_refusal"] as? [String] ?? []
        }
    }
}
