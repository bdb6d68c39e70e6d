internal import Addresses

/// Which connections there are, what each is at and until when, and which of them has to make room.
///
/// libmicrohttpd only knows silence: a client that sends one byte of its headers every few seconds, or takes one of
/// the answer, would hold its connection for hours, and with it a place or an old body. So each connection has a
/// deadline for the whole of what it is at. And it accepts nobody once all places are taken. So the last places are kept
/// free: when a connection comes for which no other is left, the address with the most connections loses its oldest one.
/// However many half requests a few addresses send, a health check gets its place.
///
/// Time comes in as monotonic milliseconds.
struct ConnectionTable: Sendable {
    /// In the order in which they make room: a stream may be out of the server's poll set, and then leaves late.
    private enum Stage: Int, Comparable {
        case waiting, answering, streaming

        static func < (one: Stage, other: Stage) -> Bool { one.rawValue < other.rawValue }
    }

    private struct Entry {
        var client: Network?
        var stage = Stage.waiting
        var deadline: Int64
        /// Counts up with each connection: the smaller one is the older.
        var number: UInt64
        /// It was told to end, and counts no more.
        var isEnding = false
    }

    // A stream of events is an answer whose end is put off each time that the client has taken a piece of it.

    private let limits: GatewayLimits
    private var entries: [Int32: Entry] = [:]
    private var counts: [Network?: Int] = [:]
    private var total = 0
    private var nextNumber: UInt64 = 0

    init(limits: GatewayLimits) {
        self.limits = limits
    }

    /// Connections that are being sent an answer.
    private(set) var answeringCount = 0

    /// A client has connected; `socket` is its descriptor.
    /// - Returns: the socket of another connection, which has to be shut down for it.
    mutating func connected(_ socket: Int32, from client: Network? = nil, at now: Int64) -> Int32? {
        closed(socket)
        entries[socket] = Entry(client: client, deadline: now + limits.headMillis, number: nextNumber)
        nextNumber += 1
        counts[client, default: 0] += 1
        total += 1
        if counts[client, default: 0] > limits.connectionsPerAddress { return end(oldestOf: client, except: socket) }
        guard total > limits.connections - limits.connectionsReserved else { return nil }
        guard let busiest = counts.max(by: { $0.value < $1.value }) else { return nil }
        return end(oldestOf: busiest.key, except: socket)
    }

    /// Its headers are there, and its body is awaited.
    mutating func reading(_ socket: Int32, at now: Int64) {
        change(socket, to: .waiting, deadline: now + limits.requestMillis)
    }

    /// Its request has come whole, and the answer is handed to the server.
    mutating func answering(_ socket: Int32, at now: Int64) {
        change(socket, to: .answering, deadline: now + limits.answerMillis)
    }

    /// The client has taken a piece of a stream: it has as long again for the next.
    mutating func streaming(_ socket: Int32, at now: Int64) {
        change(socket, to: .streaming, deadline: now + limits.answerMillis)
    }

    /// The answer has been taken, or given up: the next request may come.
    mutating func answered(_ socket: Int32, at now: Int64) {
        change(socket, to: .waiting, deadline: now + limits.requestMillis)
    }

    mutating func closed(_ socket: Int32) {
        guard let entry = entries.removeValue(forKey: socket) else { return }
        if entry.stage > .waiting { answeringCount -= 1 }
        if !entry.isEnding { uncount(entry.client) }
    }

    /// The sockets to be shut down now. Each is named again until it is closed.
    func overdue(at now: Int64) -> [Int32] {
        entries.compactMap { $0.value.deadline <= now ? $0.key : nil }
    }

    private mutating func change(_ socket: Int32, to stage: Stage, deadline: Int64) {
        // News of a request that ended with its connection come after the connection's own end.
        guard let old = entries[socket] else { return }
        answeringCount += (stage > .waiting ? 1 : 0) - (old.stage > .waiting ? 1 : 0)
        entries[socket]?.stage = stage
        entries[socket]?.deadline = deadline
    }

    /// Of one client's connections the oldest that waits for a request, or else the oldest that is being answered, streams
    /// last.
    private mutating func end(oldestOf client: Network?, except newest: Int32) -> Int32? {
        let candidates = entries.filter { $0.key != newest && $0.value.client == client && !$0.value.isEnding }
        let oldest = candidates.min { ($0.value.stage, $0.value.number) < ($1.value.stage, $1.value.number) }
        guard let oldest else { return nil }
        entries[oldest.key]?.isEnding = true
        uncount(client)
        return oldest.key
    }

    private mutating func uncount(_ client: Network?) {
        total -= 1
        let count = counts[client, default: 0] - 1
        counts[client] = count > 0 ? count : nil
    }
}
