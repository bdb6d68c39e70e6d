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

        private func ask(_ service: Service, _ method: String, body: String = "") -> String {
            let request =
                "\(method) /1/config HTTP/1.1\r\nHost: test\r\nConnection: close\r\nAuthorization: Bearer TOKEN\r\n"
                + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
            return String(decoding: exchange(port: service.apiPort, Array(request.utf8)), as: UTF8.self)
        }
    }
}
