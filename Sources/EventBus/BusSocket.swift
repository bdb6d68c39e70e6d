internal import CZeroMQ
internal import Glibc

/// A ZeroMQ socket, closed with its owner. It never blocks: every send and receive uses DONTWAIT.
///
/// Not thread safe, like ZeroMQ sockets.
final class BusSocket {
    enum Kind {
        case publish, publishWithSubscriptions, subscribe, router, dealer
        /// SUB that keeps only the newest message (ZMQ_CONFLATE).
        case subscribeNewest
    }

    /// How long a closed socket continues to send. A normal exit should deliver the last messages; a stopped reader
    /// must not delay it.
    static let lingerMilliseconds: Int32 = 250
    /// The delay before connecting again after a peer has disconnected.
    static let reconnectMilliseconds: Int32 = 50

    private let context: BusContext
    /// The address it is bound to, or will be (`mend`).
    var address: BusAddress?
    private var isBound = false
    let raw: UnsafeMutableRawPointer
    private var isClosed = false

    /// - Parameter queuedMessagesMax: messages queued for a slow peer, in each direction; more are dropped.
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
            // Refuse requests while the peer is not connected: a queued request would be answered too late to be
            // useful.
            try set(ZMQ_IMMEDIATE, Int32(1))
        case .publishWithSubscriptions:
            // Report each subscriber, not only the first.
            try set(ZMQ_XPUB_VERBOSE, Int32(1))
        case .publish, .router:
            break
        }
    }

    deinit {
        close()
    }

    /// Closes the socket. Messages that it has accepted are still sent within the linger time.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        zmq_close(raw)
        context.socketCount -= 1
    }

    /// The largest bus message is a snapshot. It stays below this even with 1,000,000 rows of the longest names, five
    /// times the limit of the workers table. libzmq closes the connection of a peer that sends more.
    static let messageBytesMax = 512 * 1024 * 1024

    func bind(_ address: BusAddress) throws(BusFailure) {
        self.address = address
        try check(address, "bind")
        // libzmq removes a stale path of an earlier process.
        guard zmq_bind(raw, address.endpoint) == 0 else { throw BusFailure(attempt: "bind \(address.endpoint)") }
        isBound = true
    }

    /// Binds again after `bind` failed or the path was removed. Connected peers stay connected.
    ///
    /// The former listener stays open: libzmq removes the path of an unbound listener asynchronously, which could
    /// remove the new socket. Each call that binds costs a descriptor.
    /// - Returns: true when it had to bind.
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

    /// Becomes readable when the state of the socket *may* have changed, edge-triggered: after it fires, and after each
    /// send, receive until nothing is left. Otherwise the next edge may never come.
    var descriptor: Int32 {
        var descriptor: Int32 = -1
        var size = MemoryLayout<Int32>.size
        zmq_getsockopt(raw, ZMQ_FD, &descriptor, &size)
        return descriptor
    }

    /// - Returns: false when the message was refused (no peer, or its queue is full) and dropped.
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

    /// The next message part; nil when none is waiting.
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
