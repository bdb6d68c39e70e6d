internal import Addresses
internal import CMicrohttpd
internal import Glibc
internal import TLSHandshake

/// Ends the TLS of one client: passes on what it has sent to a socket of libmicrohttpd, and the responses back.
///
/// What one side does not take stops the reading of the other, so a relay holds at most some `pieceBytes` for each.
final class TLSRelay {
    /// Bytes that are read from a side in a turn: the longest record, or a part of a response.
    private static let pieceBytes = 16 * 1_024
    /// Milliseconds that a client whose connection has ended gets for reading the rest. Without them its system would
    /// discard what it has not read.
    private static let lingerMillis: Int64 = 1_000
    /// KeyUpdates of a connection: a client needs one in millions of records. Each costs new keys, and an answer if it
    /// asks for one.
    private static let keyUpdatesMax = 64
    /// Bytes that are decrypted before the KeyUpdates are counted: at most some 45 of them.
    private static let decryptedBytes = 1_024

    private enum Stage {
        case handshake(Handshake)
        case open(TLSStream)
        /// All is sent; what the client still sends is discarded.
        case lingering(until: Int64)
        case over
    }

    /// -1 = closed.
    private(set) var client: Int32
    let network: Network?
    /// This end of a socket pair; the other end is libmicrohttpd's. -1 = there is none, or it has ended.
    private var inner: Int32 = -1
    private var stage: Stage
    private var toClient = Pending()
    private var toInner = Pending()
    /// The client sends nothing more.
    private var hasClientEnded = false
    private var keyUpdates = 0
    /// Milliseconds for which a client may take none of what is to be sent.
    private let answerMillis: Int64
    /// Since when it has not taken all.
    private var owedSince: Int64?
    private var connectInner: ((Int32) -> Bool)?

    /// - Parameters:
    ///   - answerMillis: see `HTTPLimits`. The server's own deadline does not reach a client that reads nothing.
    ///   - connect: gives a socket to libmicrohttpd, when the handshake is complete; false = it could not, and
    ///   has closed it.
    init(
        _ client: Int32, _ handshake: Handshake, of network: Network?, answerMillis: Int64,
        connect: @escaping (Int32) -> Bool
    ) {
        self.answerMillis = answerMillis
        self.client = client
        self.network = network
        stage = .handshake(handshake)
        connectInner = connect
        // What is to be sent waits in this process already. The kernel would gather small packets and hold the last one
        // back until the client has acknowledged the others, which its kernel delays by 40 ms.
        var isOn: Int32 = 1
        setsockopt(client, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size))
    }

    var isInHandshake: Bool { if case .handshake = stage { true } else { false } }
    var isLingering: Bool { if case .lingering = stage { true } else { false } }

    func isOver(at now: Int64) -> Bool {
        switch stage {
        case .over: true
        case .lingering(let until): now >= until
        case .open: owedSince.map { now - $0 >= answerMillis } ?? false
        case .handshake: false
        }
    }

    func close() {
        stage = .over
        guard client >= 0 else { return }
        Glibc.close(client)
        client = -1
        if inner >= 0 { Glibc.close(inner) }
        inner = -1
    }

    // MARK: - What to wait for

    /// The client's side and the inner one.
    func polled(isHandshakeDue: Bool) -> [pollfd] {
        let readsClient =
            switch stage {
            case .handshake: isHandshakeDue
            // What it sends may have an answer of TLS itself.
            case .open: !hasClientEnded && toInner.isEmpty && toClient.isEmpty
            case .lingering: true
            case .over: false
            }
        let readsInner = inner >= 0 && toClient.isEmpty
        return [
            TLSRelay.polled(client, reads: readsClient, writes: !toClient.isEmpty),
            TLSRelay.polled(inner, reads: readsInner, writes: inner >= 0 && !toInner.isEmpty),
        ]
    }

    /// A side that is not waited for is left out: poll reports its end again and again, wanted or not.
    private static func polled(_ socket: Int32, reads: Bool, writes: Bool) -> pollfd {
        let events = (reads ? Int16(POLLIN) : 0) | (writes ? Int16(POLLOUT) : 0)
        return pollfd(fd: events == 0 ? -1 : socket, events: events, revents: 0)
    }

    // MARK: - A turn

    /// - Parameters:
    ///   - clientEvents: what poll has reported of the client's side.
    ///   - innerEvents: the same of the inner side.
    func serve(_ clientEvents: Int16, _ innerEvents: Int16, at now: Int64) {
        // A reset, or both directions have ended: no client reads a response.
        if clientEvents & Int16(POLLERR | POLLHUP | POLLNVAL) != 0 {
            stage = .over
            return
        }
        if clientEvents & Int16(POLLIN) != 0 { readClient(at: now) }
        if innerEvents & Int16(POLLIN | POLLHUP | POLLERR) != 0 { readInner() }
        flushInner()
        flushClient()
        endIfDone(at: now)
        owedSince = toClient.isEmpty ? nil : owedSince ?? now
    }

    private func readClient(at now: Int64) {
        withUnsafeTemporaryAllocation(byteCount: TLSRelay.pieceBytes, alignment: 16) { buffer in
            let count = recv(client, buffer.baseAddress, buffer.count, 0)
            if count < 0 {
                if errno != EAGAIN, errno != EINTR { stage = .over }
                return
            }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            switch stage {
            case .handshake(let handshake) where count > 0: receive(bytes, in: handshake, at: now)
            case .handshake: stage = .over
            case .open(let stream): count == 0 ? endOfClient() : decrypt(bytes, with: stream)
            case .lingering: if count == 0 { stage = .over }
            case .over: break
            }
        }
    }

    private func receive(_ bytes: UnsafeRawBufferPointer, in handshake: Handshake, at now: Int64) {
        let step = handshake.receive(bytes)
        toClient.append(step.output)
        switch step.state {
        case .ongoing: break
        case .streaming(let stream, let unread):
            stage = .open(stream)
            guard connect() else {
                stage = .over
                return
            }
            unread.withUnsafeBytes { decrypt($0, with: stream) }
        case .failed:
            // The client gets the alert.
            flushClient()
            linger(at: now)
        case .secured: preconditionFailure("the context keeps OpenSSL as the record layer")
        }
    }

    private func connect() -> Bool {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { return false }
        inner = ends[0]
        defer { connectInner = nil }
        return connectInner?(ends[1]) ?? false
    }

    private func decrypt(_ bytes: UnsafeRawBufferPointer, with stream: TLSStream) {
        var rest = bytes[...]
        while !rest.isEmpty, !hasClientEnded, case .open = stage {
            receive(stream.read(UnsafeRawBufferPointer(rebasing: rest.prefix(TLSRelay.decryptedBytes))))
            rest = rest.dropFirst(TLSRelay.decryptedBytes)
        }
    }

    private func receive(_ received: TLSStream.Received) {
        keyUpdates += received.keyUpdates
        guard keyUpdates <= TLSRelay.keyUpdatesMax else {
            stage = .over
            return
        }
        toClient.append(received.output)
        toInner.append(received.plaintext)
        switch received.end {
        case nil: break
        case .closed: endOfClient()
        case .failed:
            flushClient()
            stage = .over
        }
    }

    /// The client sends nothing more; it may still wait for a response.
    private func endOfClient() {
        hasClientEnded = true
        if toInner.isEmpty, inner >= 0 { shutdown(inner, Int32(SHUT_WR)) }
    }

    private func readInner() {
        guard inner >= 0, case .open(let stream) = stage else { return }
        withUnsafeTemporaryAllocation(byteCount: TLSRelay.pieceBytes, alignment: 16) { buffer in
            let count = recv(inner, buffer.baseAddress, buffer.count, 0)
            if count > 0 {
                toClient.append(stream.write(UnsafeRawBufferPointer(rebasing: buffer[..<count])))
            } else if count == 0 || errno != EAGAIN && errno != EINTR {
                Glibc.close(inner)
                inner = -1
                toInner = Pending()
                toClient.append(stream.close())
            }
        }
    }

    private func flushInner() {
        guard inner >= 0, !toInner.isEmpty else { return }
        // On failure the server has closed; the end of its response is read next.
        if !toInner.flush(to: inner) { toInner = Pending() }
        if toInner.isEmpty, hasClientEnded { shutdown(inner, Int32(SHUT_WR)) }
    }

    private func flushClient() {
        if !toClient.flush(to: client) { stage = .over }
    }

    private func endIfDone(at now: Int64) {
        guard case .open = stage, inner < 0, toClient.isEmpty else { return }
        linger(at: now)
    }

    private func linger(at now: Int64) {
        shutdown(client, Int32(SHUT_WR))
        stage = hasClientEnded ? .over : .lingering(until: now + TLSRelay.lingerMillis)
    }
}

/// Bytes that the other side has not taken.
private struct Pending {
    private var bytes: [UInt8] = []
    private var sent = 0

    var isEmpty: Bool { sent == bytes.count }

    mutating func append(_ more: [UInt8]) { bytes += more }

    /// - Returns: false when the other side takes nothing more.
    mutating func flush(to socket: Int32) -> Bool {
        while !isEmpty {
            let count = bytes.withUnsafeBytes {
                send(socket, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return errno == EAGAIN || errno == EINTR }
            sent += count
        }
        bytes.removeAll(keepingCapacity: bytes.capacity <= 64 * 1_024)
        sent = 0
        return true
    }
}
