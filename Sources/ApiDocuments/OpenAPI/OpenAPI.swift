/// `/openapi.json`: the description of the API in OpenAPI 3.1.
///
/// Tests check every example of docs/API.md against it, and that it has exactly the paths that are served.
package enum OpenAPI {
    /// Every path of the API, in the order of the document.
    static let paths: [String] = {
        var paths: [String] = []
        for operation in operations where !paths.contains(operation.path) { paths.append(operation.path) }
        return paths
    }()

    /// The document.
    /// - Parameter needsToken: whether this service has an access token; without one, no request is refused for lack of
    ///   it.
    package static func document(version: String, needsToken: Bool) -> [UInt8] {
        var json = JSONWriter(reserving: 65_536)
        json.object {
            $0.member("openapi", "3.1.0")
            $0.object("info") { info(version, into: &$0) }
            $0.array("servers", .onePerLine) { $0.object { $0.member("url", "/") } }
            $0.array("tags", .onePerLine) { json in
                for tag in Operation.Tag.allCases {
                    json.object {
                        $0.member("name", tag.rawValue)
                        $0.member("description", tag.description)
                    }
                }
            }
            if needsToken {
                $0.array("security", .onePerLine) { $0.object { $0.array("token", .inLine, [String]()) } }
            }
            $0.object("paths") { json in
                for path in paths {
                    json.object(named: path) { json in
                        for operation in operations where operation.path == path {
                            operation.write(into: &json, needsToken: needsToken)
                        }
                    }
                }
            }
            $0.object("components") { components(into: &$0, needsToken: needsToken) }
        }
        return json.bytes
    }

    private static func info(_ version: String, into json: inout JSONWriter) {
        json.member("title", "Millrace")
        json.member("version", version)
        json.member("summary", "Miners, pools, shares and processes of a Millrace proxy.")
        json.member(
            "description",
            "Both generations of xmrig-proxy's API, and the documents that only Millrace has. Hashrates are in kH/s, "
                + "times in milliseconds since 1970, durations in seconds, `latency` in milliseconds. Paths that serve GET "
                + "serve HEAD too; OPTIONS answers 200 on any path and needs no token.")
        json.object("license") {
            $0.member("name", "MIT")
            $0.member("identifier", "MIT")
        }
    }

    private static func components(into json: inout JSONWriter, needsToken: Bool) {
        if needsToken {
            json.object("securitySchemes") {
                $0.object("token") {
                    $0.member("type", "http")
                    $0.member("scheme", "bearer")
                    $0.member("description", "The access token of the configuration.")
                }
            }
        }
        json.object("responses") { json in
            for failure in Operation.Failure.allCases {
                json.object(named: failure.rawValue) {
                    $0.member("description", failure.description)
                    $0.content("application/json", .named("Error"))
                }
            }
        }
        json.object("schemas") { json in
            for (name, schema) in schemas { json.object(named: name) { schema.write(into: &$0) } }
        }
    }
}

extension OpenAPI.Operation {
    /// Writes the operation as a member of its path.
    fileprivate func write(into json: inout JSONWriter, needsToken: Bool) {
        json.object(named: method.rawValue) { json in
            json.member("operationId", id)
            json.member("summary", summary)
            json.array("tags", .inLine, [tag.rawValue])
            if isOpen && needsToken { json.array("security", .inLine, [String]()) }
            if !parameters.isEmpty {
                json.array("parameters", .onePerLine) {
                    for parameter in parameters { $0.object { parameter.write(into: &$0) } }
                }
            }
            if let body {
                json.object("requestBody") {
                    $0.member("required", true)
                    $0.content("application/json", body)
                }
            }
            json.object("responses") { json in
                for answer in answers {
                    json.object(named: answer.status) {
                        $0.member("description", answer.description)
                        if let schema = answer.schema { $0.content(answer.type, schema) }
                    }
                }
                if method == .get && isTagged {
                    json.object(named: "304") {
                        $0.member("description", "The document has not changed since `If-None-Match`.")
                    }
                }
                for failure in allFailures(needsToken: needsToken) {
                    json.object(named: failure.status) {
                        $0.member("$ref", "#/components/responses/\(failure.rawValue)")
                    }
                }
            }
        }
    }

    /// The errors of this operation and of every operation, sorted by status.
    private func allFailures(needsToken: Bool) -> [OpenAPI.Operation.Failure] {
        let token: [OpenAPI.Operation.Failure] =
            needsToken ? [.unauthorized, .forbidden, .tooManyRequests] : [.forbidden]
        let always: [OpenAPI.Operation.Failure] =
            isOpen ? [] : token + [.contentTooLarge, .targetTooLong, .headersTooLarge, .unavailable]
        return (failures + always.filter { !failures.contains($0) }).sorted { $0.status < $1.status }
    }
}

extension OpenAPI.Parameter {
    fileprivate func write(into json: inout JSONWriter) {
        json.member("name", name)
        json.member("in", place.rawValue)
        json.member("required", place == .path)
        json.member("description", description)
        json.object("schema") { schema.write(into: &$0) }
    }
}

extension JSONWriter {
    fileprivate mutating func content(_ type: String, _ schema: Schema) {
        object("content") { $0.object(named: type) { $0.object("schema") { schema.write(into: &$0) } } }
    }
}
