internal import CZeroMQ
internal import Glibc

/// One ZeroMQ socket, closed with its owner. It never blocks: every send and receive is DONTWAIT.
///
/// Not thread safe, as ZeroMQ sockets are not.
final class BusSocket {
    enum Kind {
        case publish, publishWithSubscriptions, subscribe, router, dealer
        /// SUB that keeps only the newest message (ZMQ_CONFLATE).
        case subscribeNewest
    }

    /// How long a closed socket may go on sending. An orderly stop should deliver its last words; a reader that is
    /// stopped must not hold up the exit.
    static let lingerMilliseconds: Int32 = 250
    /// How soon after a peer is gone the path is tried again.
    static let reconnectMilliseconds: Int32 = 50

    private let context: BusContext
    /// Where it is bound, or shall be (`mend`).
    var address: BusAddress?
    private var isBound = false
    let raw: UnsafeMutableRawPointer
    private var isClosed = false

    /// - Parameter queuedMessagesMax: how many messages wait for a slow peer, in each direction; more are dropped.
    init(_ context: BusContext, _ kind: Kind, queuedMessagesMax: Int32) throws(BusFailure) {
        let type =
            switch kind {
            case .publish: ZMQ_PUB
            case .publishWithSubscriptions: ZMQ_XPUB
            case .subscribe, .subscribeNewest: ZMQ_SUB
            case .router: ZMQ_ROUTER
            case .dealer: ZMQ_DEALER
            }
        guard let raw = zmq_socket(context.raw, type) else { throw BusFailure(attempt: "new socket") }
        self.context = context
        self.raw = raw
        context.socketCount += 1
        try set(ZMQ_LINGER, BusSocket.lingerMilliseconds)
        try set(ZMQ_SNDHWM, queuedMessagesMax)
        try set(ZMQ_RCVHWM, queuedMessagesMax)
        try set(ZMQ_MAXMSGSIZE, Int64(BusSocket.messageBytesMax))
        switch kind {
        case .subscribe, .subscribeNewest:
            try set(ZMQ_RECONNECT_IVL, BusSocket.reconnectMilliseconds)
            if kind == .subscribeNewest { try set(ZMQ_CONFLATE, Int32(1)) }
            guard zmq_setsockopt(raw, ZMQ_SUBSCRIBE, "", 0) == 0 else { throw BusFailure(attempt: "subscribe") }
        case .dealer:
            try set(ZMQ_RECONNECT_IVL, BusSocket.reconnectMilliseconds)
            // A request to a shard that is away would be answered long after it made sense: refuse it here instead.
            try set(ZMQ_IMMEDIATE, Int32(1))
        case .publishWithSubscriptions:
            // Tell us of each subscriber, not only of the first.
            try set(ZMQ_XPUB_VERBOSE, Int32(1))
        case .publish, .router:
            break
        }
    }

    deinit {
        close()
    }

    /// Lets go of the socket; what it has taken to send still leaves within the linger time.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        zmq_close(raw)
        context.socketCount -= 1
    }

    /// The largest message of the bus is a snapshot: 1,000,000 rows of the longest names stay below. Anything longer
    /// comes from a stranger, whose connection libzmq then closes.
    static let messageBytesMax = 512 * 1024 * 1024

    func bind(_ address: BusAddress) throws(BusFailure) {
        self.address = address
        try check(address, "bind")
        // libzmq removes a stale path of an earlier process itself.
        guard zmq_bind(raw, address.endpoint) == 0 else { throw BusFailure(attempt: "bind \(address.endpoint)") }
        isBound = true
    }

    /// Binds again what `bind` could not, or what has lost its path because somebody has removed it. Peers that are connected stay so.
    ///
    /// The listener of the path before is left: libzmq removes the path of one that is unbound, in its own time, which would be that
    /// of the new one. It costs a descriptor each time.
    /// - Returns: whether something was to be done.
    func mend() throws(BusFailure) -> Bool {
        guard let address, !isClosed else { return false }
        if isBound, access(address.path, F_OK) == 0 || errno != ENOENT { return false }
        try bind(address)
        return true
    }

    func connect(_ address: BusAddress) throws(BusFailure) {
        try check(address, "connect")
        guard zmq_connect(raw, address.endpoint) == 0 else {
            throw BusFailure(attempt: "connect \(address.endpoint)")
        }
    }

    private func check(_ address: BusAddress, _ verb: String) throws(BusFailure) {
        guard address.path.utf8.count <= BusAddress.pathBytesMax else {
            throw BusFailure(code: ENAMETOOLONG, attempt: "\(verb) \(address.endpoint)")
        }
    }

    /// Becomes readable when the socket *may* have changed, edge by edge: after it fires, and after each send, receive
    /// until nothing is left, or the next edge may never come.
    var descriptor: Int32 {
        var descriptor: Int32 = -1
        var size = MemoryLayout<Int32>.size
        zmq_getsockopt(raw, ZMQ_FD, &descriptor, &size)
        return descriptor
    }

    /// - Returns: false when the message was refused (no peer, its queue full); it is then gone.
    @discardableResult
    func send(_ bytes: UnsafeRawBufferPointer, more: Bool = false) -> Bool {
        guard !isClosed else { return false }
        while true {
            let flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)
            if zmq_send(raw, bytes.baseAddress, bytes.count, flags) >= 0 { return true }
            if zmq_errno() != EINTR { return false }
        }
    }

    @discardableResult
    func send(_ bytes: [UInt8], more: Bool = false) -> Bool {
        bytes.withUnsafeBytes { send($0, more: more) }
    }

    /// The next message part, or nil when none is waiting.
    func receive() -> (bytes: [UInt8], hasMore: Bool)? {
        guard !isClosed else { return nil }
        var message = zmq_msg_t()
        zmq_msg_init(&message)
        defer { zmq_msg_close(&message) }
        while zmq_msg_recv(&message, raw, ZMQ_DONTWAIT) < 0 {
            if zmq_errno() != EINTR { return nil }
        }
        let bytes = [UInt8](UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: zmq_msg_size(&message)))
        return (bytes, zmq_msg_more(&message) != 0)
    }

    private func set<Value: FixedWidthInteger>(_ option: Int32, _ value: Value) throws(BusFailure) {
        var value = value
        guard zmq_setsockopt(raw, option, &value, MemoryLayout<Value>.size) == 0 else {
            throw BusFailure(attempt: "set socket option \(option)")
        }
    }
}
