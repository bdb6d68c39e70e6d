/// Who must be done by when.
///
/// libmicrohttpd only knows silence: a client that sends one byte of its headers every few seconds, or takes one of
/// the answer, would hold its connection for hours, and with it a place or an old body. So each connection has a
/// deadline for the whole of what it is at. Time comes in as monotonic milliseconds.
struct ConnectionDeadlines: Sendable {
    private struct Entry {
        var isAnswering: Bool
        var deadline: Int64
    }

    // A stream of events is an answer whose end is put off each time that the client has taken a piece of it.

    private let requestMillis: Int64
    private let answerMillis: Int64
    private var entries: [Int32: Entry] = [:]

    init(limits: GatewayLimits) {
        requestMillis = limits.requestMillis
        answerMillis = limits.answerMillis
    }

    /// Connections that are being sent an answer.
    private(set) var answeringCount = 0

    /// A client has connected; `socket` is its descriptor.
    mutating func connected(_ socket: Int32, at now: Int64) {
        closed(socket)
        entries[socket] = Entry(isAnswering: false, deadline: now + requestMillis)
    }

    /// Its request has come whole, and the answer is handed to the server.
    mutating func answering(_ socket: Int32, at now: Int64) {
        change(socket, to: Entry(isAnswering: true, deadline: now + answerMillis))
    }

    /// The client has taken a piece of a stream: it has as long again for the next.
    mutating func streaming(_ socket: Int32, at now: Int64) { answering(socket, at: now) }

    /// The answer has been taken, or given up: the next request may come.
    mutating func answered(_ socket: Int32, at now: Int64) {
        change(socket, to: Entry(isAnswering: false, deadline: now + requestMillis))
    }

    mutating func closed(_ socket: Int32) {
        if let entry = entries.removeValue(forKey: socket), entry.isAnswering { answeringCount -= 1 }
    }

    /// The sockets to be shut down now. Each is named again until it is closed.
    func overdue(at now: Int64) -> [Int32] {
        entries.compactMap { $0.value.deadline <= now ? $0.key : nil }
    }

    private mutating func change(_ socket: Int32, to entry: Entry) {
        // News of a request that ended with its connection come after the connection's own end.
        guard let old = entries[socket] else { return }
        answeringCount += (entry.isAnswering ? 1 : 0) - (old.isAnswering ? 1 : 0)
        entries[socket] = entry
    }
}
