import Foundation
import Glibc
import TestSupport
import Testing

/// One miner, line by line, by hand.
final class LineMiner {
    private let descriptor: Int32
    private var unread: [UInt8] = []
    private var requests: Int64 = 0
    /// The newest job, as it came.
    private(set) var job: [String: Any]?
    private(set) var session: String?

    init(port: UInt16) throws {
        descriptor = try #require(Loopback.connected(to: port))
    }

    /// - Parameter descriptor: a connection, which is the miner's from here on.
    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Over IPv6.
    init(ipv6Port: UInt16) throws {
        descriptor = try #require(Loopback.connected(to: ipv6Port, at: "::1"))
    }

    deinit { close(descriptor) }

    // MARK: - Sending

    /// - Returns: false when the connection is gone.
    @discardableResult
    func send(_ text: String) -> Bool { Loopback.send(Array(text.utf8), to: descriptor) }

    /// - Parameter fields: further members of `params`, as JSON.
    func sendLogin(_ login: String, pass: String = "x", fields: String = "", andThen rest: String = "") {
        let params = #"{"login":"\#(login)","pass":"\#(pass)","agent":"hand/1"\#(fields)}"#
        send(#"{"id":1,"jsonrpc":"2.0","method":"login","params":\#(params)}"# + "\n" + rest)
    }

    /// Whether a login gets a session; for those who try again and again.
    func isLetIn(_ login: String) -> Bool {
        sendLogin(login)
        return reply(to: 1, within: 1)?["error"] is NSNull
    }

    /// Logs in and waits for the reply.
    func logIn(_ login: String = "hand", pass: String = "x", fields: String = "") throws {
        sendLogin(login, pass: pass, fields: fields)
        let reply = try #require(self.reply(to: 1), "no answer to the login of \(login)")
        try #require(reply["error"] is NSNull, "\(reply)")
    }

    /// Hands in a share of that difficulty for the newest job.
    /// - Returns: "OK", or the refusal; nil when there was no answer.
    func submit(difficulty: UInt64, within seconds: Double = 5) throws -> String? {
        let share = try share(difficulty: difficulty)
        send(share.line)
        return outcome(of: share.id, within: seconds)
    }

    /// A share of that difficulty for the newest job, to be sent by hand.
    func share(difficulty: UInt64) throws -> (id: Int64, line: String) {
        requests += 1
        let id = requests + 100
        let job = try #require(self.job)
        let blob = try #require(job["blob"] as? String)
        let low = (0..<3).map { hex(UInt8(truncatingIfNeeded: id >> (8 * $0))) }.joined()
        let nonce = low + String(Array(blob)[84..<86])
        let value = UInt64.max / difficulty
        let hash =
            String(repeating: "0", count: 48)
            + (0..<8).map { hex(UInt8(truncatingIfNeeded: value >> (8 * $0))) }.joined()
        let name = try #require(job["job_id"] as? String)
        let params = #"{"id":"\#(session ?? "")","job_id":"\#(name)","nonce":"\#(nonce)","result":"\#(hash)"}"#
        return (id, #"{"id":\#(id),"jsonrpc":"2.0","method":"submit","params":\#(params)}"# + "\n")
    }

    /// "OK", or the refusal; nil when there was no answer.
    func outcome(of id: Int64, within seconds: Double = 5) -> String? {
        guard let reply = self.reply(to: id, within: seconds) else { return nil }
        if let result = reply["result"] as? [String: Any] { return result["status"] as? String }
        return (reply["error"] as? [String: Any])?["message"] as? String
    }

    private func hex(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }

    // MARK: - Receiving

    /// The reply to a request; jobs that come before it are taken.
    func reply(to id: Int64, within seconds: Double = 5) -> [String: Any]? {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while let message = self.message(until: deadline) {
            if message["id"] as? Int64 == id { return message }
        }
        return nil
    }

    /// Waits for another job than the one it has.
    func hasNewJob(within seconds: Double) -> Bool {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while let message = self.message(until: deadline) {
            if message["method"] as? String == "job" { return true }
        }
        return false
    }

    enum ExitReason { case end, reset, none }

    /// How the connection ends; whatever still comes is read.
    func ending(within seconds: Double = 5) -> ExitReason {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while true {
            let count = receive(until: deadline)
            if count > 0 { continue }
            if count == 0 { return .end }
            return errno == ECONNRESET || errno == EPIPE ? .reset : .none
        }
    }

    private func message(until deadline: Date) -> [String: Any]? {
        while true {
            if let end = unread.firstIndex(of: 0x0a) {
                let line = Data(unread[..<end])
                unread.removeSubrange(...end)
                guard let message = try? JSONSerialization.jsonObject(with: line) as? [String: Any] else { return nil }
                take(message)
                return message
            }
            if receive(until: deadline) <= 0 { return nil }
        }
    }

    private func take(_ message: [String: Any]) {
        if message["method"] as? String == "job" { job = message["params"] as? [String: Any] }
        guard let result = message["result"] as? [String: Any], let first = result["job"] else { return }
        job = first as? [String: Any]
        session = result["id"] as? String
    }

    /// As recv; -1 with EAGAIN when nothing comes in time.
    private func receive(until deadline: Date) -> Int {
        var question = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let millis = Int32(max(deadline.timeIntervalSinceNow * 1_000, 0))
        guard poll(&question, 1, millis) == 1 else {
            errno = EAGAIN
            return -1
        }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count > 0 { unread += buffer[..<count] }
        return count
    }
}
