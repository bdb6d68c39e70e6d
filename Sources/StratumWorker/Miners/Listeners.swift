internal import EventLoop

/// The listening sockets of the shard, which the supervisor has bound.
struct Listeners {
    private var listeners: [TCPListener] = []
    private let ports: Set<UInt16>
    /// How connections begin.
    let terms: BindTerms

    /// - Parameter sockets: descriptors.
    init(_ sockets: [Int32], _ terms: BindTerms) {
        ports = Set(sockets.compactMap { try? ListeningSocket.address(of: $0).port })
        self.terms = terms
    }

    var count: Int { listeners.count }

    mutating func append(_ listener: TCPListener) { listeners.append(listener) }

    /// Whether the shard listens on the port of this address.
    func include(_ address: SocketAddress) -> Bool { ports.contains(address.port) }

    func turnEnded() {
        for listener in listeners { listener.turnEnded() }
    }

    /// Removes all but the first. The caller lets them accept the rest of their queues and closes them: each connection
    /// asks for these listeners, which must not be in the middle of a change then.
    mutating func removeAll(behindFirst count: Int) -> [TCPListener] {
        guard count < listeners.count else { return [] }
        defer { listeners.removeSubrange(count...) }
        return Array(listeners[count...])
    }

    func close() {
        for listener in listeners { listener.close() }
    }
}
