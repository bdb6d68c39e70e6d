/// The response to `POST /json_rpc`: an error object, because a proxy has no methods (docs/COMPATIBILITY.md, "API of
/// 6.x").
package enum RPCErrorDocument {
    /// The `id` of a request. Ids that are neither texts nor whole numbers are answered with null.
    package enum Identifier: Equatable, Sendable {
        case number(Int64)
        case text(String)
        case null
    }

    /// - Parameters:
    ///   - id: of the request.
    ///   - code: an error code of JSON-RPC 2.0.
    ///   - message: the text of the code.
    package static func body(id: Identifier, code: Int, message: String) -> [UInt8] {
        var body = Array(#"{"id": "#.utf8)
        switch id {
        case .number(let number): body += Array("\(number)".utf8)
        case .text(let text): text.append(to: &body)
        case .null: body += Array("null".utf8)
        }
        body += Array(#", "jsonrpc": "2.0", "error": {"code": \#(code), "message": "\#(message)"}}"#.utf8)
        return body
    }
}
