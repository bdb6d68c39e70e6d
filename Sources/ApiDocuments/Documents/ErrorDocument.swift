/// The body of every error response, in one line as in xmrig-proxy.
package enum ErrorDocument {
    /// - Parameters:
    ///   - status: the HTTP status code.
    ///   - name: the name of the status in capitals.
    ///   - message: a sentence for a person; nil = none.
    ///   - lines: details; empty = none.
    package static func body(status: UInt32, name: String, message: String?, lines: [String]) -> [UInt8] {
        var body = Array(#"{"status": \#(status), "error": "\#(name)""#.utf8)
        if let message {
            body += Array(#", "message": "#.utf8)
            message.append(to: &body)
        }
        if !lines.isEmpty {
            body += Array(#", "lines": ["#.utf8)
            for (index, line) in lines.enumerated() {
                if index > 0 { body += Array(", ".utf8) }
                line.append(to: &body)
            }
            body.append(UInt8(ascii: "]"))
        }
        body.append(UInt8(ascii: "}"))
        return body
    }
}
