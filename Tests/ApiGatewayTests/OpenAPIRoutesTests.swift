import Configuration
import Testing

@testable import ApiDocuments
@testable import ApiGateway
@testable import HTTPServing

/// The paths and methods of the OpenAPI document against those that are served.
@Suite struct OpenAPIRoutesTests {
    @Test func theDocumentHasThePathsThatAreServedAndNoOther() throws {
        #expect(Set(OpenAPI.paths.filter { !$0.contains("{") }) == Set(Resource.fixedPaths.keys))
        var named: Set<String> = []
        for path in OpenAPI.paths where path.contains("{") {
            guard let template = Self.template(of: try #require(try Resource(path: Self.sample(of: path)))) else {
                Issue.record("\(path) is served without a name in it")
                continue
            }
            #expect(template == path)
            named.insert(template)
        }
        #expect(named == ["/1/workers/{name}", "/1/shards/{id}/restart", "/1/shards/{id}/drain"])
    }

    /// An exhaustive switch: a new resource does not compile without its place in the document.
    private static func template(of resource: Resource) -> String? {
        switch resource {
        case .worker: "/1/workers/{name}"
        case .change(.restart): "/1/shards/{id}/restart"
        case .change(.drain): "/1/shards/{id}/drain"
        case .change(.restartAll), .change(.scale): nil
        case .page, .history, .events, .configuration, .jsonRPC, .health: nil
        }
    }

    /// A path as a client sends it; "0" is a name as well as a number.
    private static func sample(of path: String) -> String { path.replacing(/\{\w+\}/, with: "0") }

    @Test(arguments: OpenAPI.paths) func eachPathHasTheMethodsThatAreServedAndNoOther(path: String) throws {
        let resource = try #require(try Resource(path: Self.sample(of: path)))
        let described = OpenAPI.operations.filter { $0.path == path }
        let all: [(HTTPMethod, OpenAPI.Operation.Method?)] = [
            (.get, .get), (.put, .put), (.post, .post), (.delete, nil),
        ]
        for (method, described) in all {
            let isDescribed = OpenAPI.operations.contains { $0.path == path && $0.method == described }
            #expect(resource.allows(method) == isDescribed, "\(method) \(path)")
        }
        for operation in described { #expect(operation.isOpen == resource.needsNoToken, "\(path)") }
        // HEAD and OPTIONS are described in words, for all paths at once.
        let methods = described.flatMap { $0.method == .get ? ["GET", "HEAD"] : [$0.method.rawValue.uppercased()] }
        #expect(resource.allowedMethods == (methods + ["OPTIONS"]).sorted().joined(separator: ", "))
    }

    @Test(arguments: OpenAPI.operations.indices) func whatMayBeForbiddenIsSaidToBe(index: Int) throws {
        let operation = OpenAPI.operations[index]
        var api = Settings.API(host: "127.0.0.1", port: 8080)
        api.isRestricted = true
        let request = RequestHead(
            method: operation.method.rawValue.uppercased(), path: Self.sample(of: operation.path),
            contentType: "application/json")
        let route = Result { () throws(HTTPError) in try Router(api: api).route(request) }
        let isForbidden = if case .failure(let refused) = route { refused.status == .forbidden } else { false }
        #expect(isForbidden == operation.failures.contains(.forbidden), "\(operation.id)")
    }
}
