internal import Addresses

/// The open connections: what each is doing, until when, and which one is closed to make room for another.
///
/// libmicrohttpd only has a timeout for silence. A client that sends one byte of its headers every few seconds, or
/// reads one byte of the response, would keep its connection for hours. So each connection has a deadline for the whole
/// of what it is doing. No connection is accepted once all places are in use. So the last places are kept free: a
/// connection that uses one of them closes the oldest connection of the address that has the most. A health check gets a
/// place however many incomplete requests a few addresses send.
///
/// Times are monotonic milliseconds. Connections are named by the descriptors of their sockets.
struct ConnectionTable: Sendable {
    /// In the order in which connections are closed to make room. A stream may be suspended, and then closes late.
    private enum Stage: Int, Comparable {
        case waiting, answering, streaming

        static func < (one: Stage, other: Stage) -> Bool { one.rawValue < other.rawValue }
    }

    private struct Entry {
        var client: Network?
        var stage = Stage.waiting
        var deadline: Int64
        /// Increases with each connection: the smaller number is the older connection.
        var number: UInt64
        /// It was told to close, and is not counted.
        var isEnding = false
        /// The front has accepted it and given it to libmicrohttpd, which has not told of it yet.
        var isOnItsWay = false
    }

    private let limits: HTTPLimits
    private var entries: [Int32: Entry] = [:]
    private var counts: [Network?: Int] = [:]
    private var total = 0
    private var nextNumber: UInt64 = 0

    init(limits: HTTPLimits) {
        self.limits = limits
    }

    /// Connections with a response under way.
    private(set) var answeringCount = 0

    var openCount: Int { entries.count }

    /// All that are open.
    var sockets: [Int32] { Array(entries.keys) }

    /// A client has connected. The front tells of it, and libmicrohttpd when it has got it.
    /// - Returns: the socket of another connection that must be shut down to make room; nil if there is room.
    mutating func connected(_ socket: Int32, from client: Network? = nil, at now: Int64) -> Int32? {
        if entries[socket]?.isOnItsWay == true {
            entries[socket]?.isOnItsWay = false
            return nil
        }
        closed(socket)
        entries[socket] = Entry(client: client, deadline: now + limits.headMillis, number: nextNumber)
        nextNumber += 1
        counts[client, default: 0] += 1
        total += 1
        if counts[client, default: 0] > limits.connectionsPerAddress { return end(oldestOf: client, except: socket) }
        guard total > limits.connections - limits.connectionsReserved else { return nil }
        // The newcomer itself is not closed: its address has one less to give.
        let others = counts.lazy.map { (key: $0.key, count: $0.value - ($0.key == client ? 1 : 0)) }
        guard let busiest = others.max(by: { $0.count < $1.count }) else { return nil }
        return end(oldestOf: busiest.key, except: socket)
    }

    /// The front gives a connection to libmicrohttpd.
    /// - Parameter other: its socket from now on.
    /// - Returns: false when the connection was told to close.
    mutating func handed(_ socket: Int32, as other: Int32) -> Bool {
        guard entries[socket]?.isEnding == false, var entry = entries.removeValue(forKey: socket) else { return false }
        entry.isOnItsWay = true
        closed(other)
        entries[other] = entry
        return true
    }

    /// The headers are complete, the body is not.
    mutating func reading(_ socket: Int32, at now: Int64) {
        change(socket, to: .waiting, deadline: now + limits.requestMillis)
    }

    /// The request is complete, and the response is being made or sent.
    mutating func answering(_ socket: Int32, at now: Int64) {
        change(socket, to: .answering, deadline: now + limits.answerMillis)
    }

    /// The client has read a part of an event stream: the deadline is extended.
    mutating func streaming(_ socket: Int32, at now: Int64) {
        change(socket, to: .streaming, deadline: now + limits.answerMillis)
    }

    /// The response was sent or given up: the next request may follow.
    mutating func answered(_ socket: Int32, at now: Int64) {
        change(socket, to: .waiting, deadline: now + limits.requestMillis)
    }

    /// The connection has closed.
    mutating func closed(_ socket: Int32) {
        guard let entry = entries.removeValue(forKey: socket) else { return }
        if entry.stage > .waiting { answeringCount -= 1 }
        if !entry.isEnding { uncount(entry.client) }
    }

    /// The sockets whose deadline has passed and that must be shut down. Each is returned until it is closed.
    func overdue(at now: Int64) -> [Int32] {
        entries.compactMap { $0.value.deadline <= now && !$0.value.isOnItsWay ? $0.key : nil }
    }

    /// Forgets connections of which libmicrohttpd has not told until their deadline: it had no memory and closed them,
    /// so the numbers may belong to other descriptors.
    mutating func forgetLost(at now: Int64) {
        for (socket, entry) in entries where entry.isOnItsWay && entry.deadline <= now { closed(socket) }
    }

    private mutating func change(_ socket: Int32, to stage: Stage, deadline: Int64) {
        // The end of a request is reported after the end of its connection.
        guard let old = entries[socket] else { return }
        answeringCount += (stage > .waiting ? 1 : 0) - (old.stage > .waiting ? 1 : 0)
        entries[socket]?.stage = stage
        entries[socket]?.deadline = deadline
    }

    /// Picks the oldest connection of a client that waits for a request; if there is none, the oldest with a response
    /// under way; streams last.
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
