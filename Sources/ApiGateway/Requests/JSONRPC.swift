internal import ApiDocuments
internal import FoundationEssentials

/// `POST /json_rpc`: decodes a request as far as its error response needs.
enum JSONRPC {
    /// The body of the response: an error object with the `id` of the request.
    static func response(to body: [UInt8]) -> [UInt8] {
        guard let request = try? JSONDecoder().decode(Request.self, from: Data(body)) else {
            return RPCErrorDocument.body(id: .null, code: -32_700, message: "Parse error")
        }
        guard case .object(let id, let hasMethod) = request, hasMethod else {
            return RPCErrorDocument.body(id: request.id, code: -32_600, message: "Invalid Request")
        }
        return RPCErrorDocument.body(id: id, code: -32_601, message: "Method not found")
    }

    /// Any JSON text: only an object with a method is a request.
    private enum Request: Decodable {
        case object(id: RPCErrorDocument.Identifier, hasMethod: Bool)
        case other

        private enum Key: String, CodingKey { case id, method }

        init(from decoder: any Decoder) throws {
            guard let members = try? decoder.container(keyedBy: Key.self) else {
                self = .other
                return
            }
            let method = try? members.decode(String.self, forKey: .method)
            let id = (try? members.decode(Identifier.self, forKey: .id))?.value
            self = .object(id: id ?? .null, hasMethod: method != nil)
        }

        var id: RPCErrorDocument.Identifier {
            switch self {
            case .object(let id, _): id
            case .other: .null
            }
        }
    }

    /// The `id` of a request.
    private struct Identifier: Decodable {
        let value: RPCErrorDocument.Identifier

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int64.self) {
                value = .number(number)
            } else if let text = try? container.decode(String.self) {
                value = .text(text)
            } else {
                value = .null
            }
        }
    }
}
