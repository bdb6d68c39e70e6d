internal import FoundationEssentials

/// `POST /json_rpc`: an error object, because a proxy has no methods (docs/COMPATIBILITY.md, "API of 6.x").
enum JSONRPC {
    /// Always 200 with an `error` object, and the `id` of the request.
    static func answer(to body: [UInt8]) -> Answer {
        guard let request = try? JSONDecoder().decode(Request.self, from: Data(body)) else {
            return answer(id: .null, code: -32_700, message: "Parse error")
        }
        guard case .object(let id, let hasMethod) = request, hasMethod else {
            return answer(id: request.id, code: -32_600, message: "Invalid Request")
        }
        return answer(id: id, code: -32_601, message: "Method not found")
    }

    private static func answer(id: Identifier, code: Int, message: String) -> Answer {
        var body = Array(#"{"id": "#.utf8)
        id.append(to: &body)
        body += Array(#", "jsonrpc": "2.0", "error": {"code": \#(code), "message": "\#(message)"}}"#.utf8)
        return .document(body)
    }

    /// What the answer names its request by. Anything but a text and a whole number is answered with null.
    enum Identifier: Equatable, Decodable, JSONValue {
        case number(Int64)
        case text(String)
        case null

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let number = try? value.decode(Int64.self) {
                self = .number(number)
            } else if let text = try? value.decode(String.self) {
                self = .text(text)
            } else {
                self = .null
            }
        }

        func append(to bytes: inout [UInt8]) {
            switch self {
            case .number(let number): bytes += Array("\(number)".utf8)
            case .text(let text): text.append(to: &bytes)
            case .null: bytes += Array("null".utf8)
            }
        }
    }

    /// Any JSON text: only an object with a method is a request.
    private enum Request: Decodable {
        case object(id: Identifier, hasMethod: Bool)
        case other

        private enum Key: String, CodingKey { case id, method }

        init(from decoder: any Decoder) throws {
            guard let members = try? decoder.container(keyedBy: Key.self) else {
                self = .other
                return
            }
            let method = try? members.decode(String.self, forKey: .method)
            self = .object(
                id: (try? members.decode(Identifier.self, forKey: .id)) ?? .null, hasMethod: method != nil)
        }

        var id: Identifier {
            switch self {
            case .object(let id, _): id
            case .other: .null
            }
        }
    }
}
