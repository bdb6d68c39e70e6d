internal import StratumProtocol

/// Messages of miners and pools.
enum Texts {
    static let login =
        Array(
            #"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"wallet","pass":"x","agent":"XMRig/6.26.0","#
                .utf8)
        + Array("\"algo\":[\"rx/0\"]}}\n".utf8)

    /// - Parameter session: the session id from the login reply.
    static func submit(id: Int64, session: [UInt8], nonce: UInt32, byte: UInt8) -> [UInt8] {
        var line: [UInt8] = []
        line.append("{\"id\":")
        line.append(decimal: id)
        line.append(",\"jsonrpc\":\"2.0\",\"method\":\"submit\",\"params\":{\"id\":\"")
        line += session
        line.append("\",\"job_id\":\"000000000001\",\"nonce\":\"")
        for shift: UInt32 in [0, 8, 16] { append(UInt8(truncatingIfNeeded: nonce >> shift), to: &line) }
        append(byte, to: &line)
        line.append("\",\"result\":\"")
        // Meets the target of any job; a hash of zeros only is invalid.
        line += [UInt8](repeating: 0x30, count: 48)
        line.append("0100000000000000")
        line.append("\",\"algo\":\"rx/0\"}}\n")
        return line
    }

    static func accepted(id: Int64) -> [UInt8] {
        Array("{\"id\":\(id),\"jsonrpc\":\"2.0\",\"error\":null,\"result\":{\"status\":\"OK\"}}\n".utf8)
    }

    static func job(number: UInt8) -> [UInt8] {
        Array("{\"jsonrpc\":\"2.0\",\"method\":\"job\",\"params\":\(work(number))}\n".utf8)
    }

    /// The pool's reply to the login, with the first job.
    static func welcome(id: Int64) -> [UInt8] {
        let head = "{\"id\":\(id),\"jsonrpc\":\"2.0\",\"error\":null,\"result\":{\"id\":\"f00\",\"job\":"
        return Array("\(head)\(work(1)),\"status\":\"OK\"}}\n".utf8)
    }

    private static func work(_ number: UInt8) -> String {
        var blob: [UInt8] = []
        for position in 0..<76 { append(position == 2 ? number : position < 39 || position > 42 ? 0x10 : 0, to: &blob) }
        let seed = String(repeating: "5a", count: 32)
        return "{\"blob\":\"\(String(decoding: blob, as: UTF8.self))\",\"job_id\":\"000000000001\","
            + "\"target\":\"ffffff00\",\"algo\":\"rx/0\",\"height\":3000000,\"seed_hash\":\"\(seed)\"}"
    }

    private static func append(_ byte: UInt8, to text: inout [UInt8]) {
        for half in [byte >> 4, byte & 15] { text.append(half < 10 ? 0x30 + half : 0x57 + half) }
    }
}
