internal import Addresses
internal import CMicrohttpd
internal import Glibc
internal import Linux
internal import Logging
internal import Synchronization
internal import TLSHandshake

/// Accepts the connections of the API's port on a thread of its own, and gives them to libmicrohttpd: as they are, or
/// behind a relay that ends their TLS. The first byte tells them apart, as in xmrig-proxy.
///
/// From the accept until then a connection is in the `ConnectionTable`, so its limits hold for clients that send
/// nothing, and for those that do not finish their handshake.
final class Front: @unchecked Sendable {
    // Unchecked: `lock` guards what several threads use; the rest belongs to the thread of the front.

    /// Unchecked, because a pointer is not Sendable; any thread may give the daemon connections.
    private struct Shared: @unchecked Sendable {
        /// nil when the daemon gets no more connections.
        var daemon: OpaquePointer?
        /// nil when HTTPS is not served.
        var context: ServerContext?
        var isStopping = false
    }

    /// A connection that has sent nothing.
    fileprivate struct Silent {
        let socket: Int32
        var address: sockaddr_storage
        let addressBytes: socklen_t
    }

    private let lock: Mutex<Shared>
    private let handler: RequestHandler
    private let limits: HTTPLimits
    private let log: Logger
    /// A pipe: a byte wakes the thread.
    private let wake: Int32
    private let waker: Int32
    private var listener: Int32
    private var silent: [Silent] = []
    private var relays: [TLSRelay] = []
    /// Where the next turn begins with the relays, so that the first ones do not use up the time of the others.
    private var firstRelay = 0
    private var handshakes = HandshakeTime()
    private var lastRefusal = Int64.min / 2
    private var refusals = 0
    private var acceptsAgainAt = Int64.min
    private var thread: pthread_t?

    /// - Parameter listener: a listening socket, which the front owns from now on, also if this throws.
    init(
        listener: Int32, daemon: OpaquePointer, context: ServerContext?, handler: RequestHandler, limits: HTTPLimits,
        log: Logger
    ) throws(ListeningFailure) {
        lock = Mutex(Shared(daemon: daemon, context: context))
        self.handler = handler
        self.limits = limits
        self.log = log
        self.listener = listener
        var ends: [Int32] = [-1, -1]
        let result = pipe(&ends)
        (wake, waker) = (ends[0], ends[1])
        guard result == 0 else {
            let code = errno
            close(listener)
            throw ListeningFailure(step: .serve, code: code)
        }
        for end in ends { Front.prepare(end) }
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, nil,
            { context in
                // `stop` joins this thread before the front is released.
                Unmanaged<Front>.fromOpaque(context!).takeUnretainedValue().run()
                return nil
            }, Unmanaged.passUnretained(self).toOpaque())
        guard failure == 0 else {
            for descriptor in ends + [listener] { close(descriptor) }
            throw ListeningFailure(step: .serve, code: failure)
        }
        self.thread = thread
    }

    /// Never blocks, and is closed on exec.
    private static func prepare(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    /// The certificate for further handshakes; nil = HTTPS is not served.
    func use(_ context: ServerContext?) { lock.withLock { $0.context = context } }

    /// The daemon gets no more connections. Those that it has not got yet are closed soon.
    func stopAccepting() {
        lock.withLock { $0.daemon = nil }
        notify()
    }

    /// After the daemon has closed its connections: passes on the rest of their responses for at most `lingerMillis`,
    /// and ends the thread.
    func stop() {
        guard let thread else { return }
        self.thread = nil
        lock.withLock {
            $0.daemon = nil
            $0.isStopping = true
        }
        notify()
        pthread_join(thread, nil)
        close(wake)
        close(waker)
    }

    private func notify() {
        // If the pipe is full, the thread wakes up anyway.
        var byte: UInt8 = 0
        write(waker, &byte, 1)
    }

    // MARK: - The thread

    private func run() {
        var stopsAt: Int64?
        while true {
            turn(isEnding: stopsAt != nil)
            let (isAccepting, isStopping) = lock.withLock { ($0.daemon != nil, $0.isStopping) }
            if !isAccepting { closeUnserved() }
            guard isStopping else { continue }
            let now = MonotonicClock.milliseconds
            let deadline = stopsAt ?? now + limits.lingerMillis
            if relays.isEmpty || now >= deadline { break }
            stopsAt = deadline
        }
        endRelays { _ in true }
    }

    /// Waits for something to do, and does it.
    private func turn(isEnding: Bool) {
        let hasRoom =
            handler.connectionCount < limits.connections && MonotonicClock.milliseconds >= acceptsAgainAt
        var polled = [pollfd(fd: wake, events: Int16(POLLIN), revents: 0)]
        polled.append(pollfd(fd: hasRoom ? listener : -1, events: Int16(POLLIN), revents: 0))
        for connection in silent { polled.append(pollfd(fd: connection.socket, events: Int16(POLLIN), revents: 0)) }
        // As they are polled: others may come and go before their turn.
        let served = relays
        let (silentCount, relayCount) = (silent.count, served.count)
        let mayShakeHands = handshakes.remaining(at: MonotonicClock.microseconds) > 0
        for relay in served {
            polled.append(contentsOf: relay.polled(isHandshakeDue: mayShakeHands))
        }
        let isDeferred = !hasRoom || !mayShakeHands && relays.contains { $0.isInHandshake }
        let waitMillis: Int32 = isDeferred ? 20 : relays.contains { $0.isLingering } ? 100 : 1_000
        let count = poll(&polled, nfds_t(polled.count), isEnding ? 10 : waitMillis)
        // Not to be repeated at once, whatever is the matter.
        if count < 0, errno != EINTR { usleep(UInt32(Front.pauseMillis) * 1_000) }
        guard count > 0 || relayCount > 0 else { return }

        if polled[0].revents != 0 {
            var bytes = [UInt8](repeating: 0, count: 64)
            read(wake, &bytes, bytes.count)
        }
        // Clients without TLS first: they do not wait for handshakes.
        let waiting = silent
        silent = []
        for (connection, polled) in zip(waiting, polled[2...]) {
            polled.revents == 0 ? silent.append(connection) : look(at: connection)
        }
        if polled[1].revents != 0 { accept() }
        let now = MonotonicClock.milliseconds
        firstRelay = relayCount == 0 ? 0 : (firstRelay + 1) % relayCount
        for step in 0..<relayCount {
            let index = (firstRelay + step) % relayCount
            let (relay, place) = (served[index], 2 + silentCount + 2 * index)
            // One that gave way is closed.
            guard !relay.isOver(at: now) else { continue }
            serve(relay, polled[place].revents, polled[place + 1].revents, at: now)
        }
        endRelays { $0.isOver(at: now) }
    }

    // MARK: - Connections without a byte

    private func accept() {
        for _ in 0..<Front.acceptedEachTurnMax {
            var address = sockaddr_storage()
            var bytes = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let socket = withUnsafeMutablePointer(to: &address) {
                Glibc.accept(
                    listener, UnsafeMutableRawPointer($0).assumingMemoryBound(to: sockaddr.self), &bytes)
            }
            guard socket >= 0 else {
                // Without a pause, poll would report the waiting connection again at once.
                if [EMFILE, ENFILE, ENOMEM, ENOBUFS].contains(errno) {
                    acceptsAgainAt = MonotonicClock.milliseconds + Front.pauseMillis
                }
                return
            }
            Front.prepare(socket)
            let connection = Silent(socket: socket, address: address, addressBytes: bytes)
            handler.connected(socket, from: connection.network, at: MonotonicClock.milliseconds)
            // Most clients have sent their request by now.
            look(at: connection)
        }
    }

    /// The other connections get their turn after this number.
    private static let acceptedEachTurnMax = 16
    /// When descriptors or memory have run out.
    private static let pauseMillis: Int64 = 100

    private func look(at connection: Silent) {
        var first: UInt8 = 0
        let count = recv(connection.socket, &first, 1, Int32(MSG_PEEK))
        if count < 0, errno == EAGAIN || errno == EINTR { return silent.append(connection) }
        guard count == 1 else { return drop(connection.socket) }
        guard Handshake.looksLikeTLS(first) else {
            hand(connection.socket, of: connection)
            return
        }
        let context = lock.withLock { $0.context }
        guard let context, let handshake = Handshake(server: context) else { return refuseTLS(connection) }
        makeRoom()
        relays.append(
            TLSRelay(
                connection.socket, handshake, of: connection.network, answerMillis: limits.answerMillis
            ) { [unowned self] inner in
                hand(inner, of: connection)
            })
    }

    /// Gives a connection to libmicrohttpd.
    /// - Parameter socket: its client's, or the end of its relay. libmicrohttpd owns it from now on.
    /// - Returns: false when it was closed instead: the server stops, or the connection was told to close.
    @discardableResult
    private func hand(_ socket: Int32, of connection: Silent) -> Bool {
        var connection = connection
        // Within the lock: when `stopAccepting` has returned, the daemon may stop.
        let isHanded = lock.withLock { shared -> Bool in
            guard let daemon = shared.daemon, handler.handed(connection.socket, as: socket) else { return false }
            let result = withUnsafePointer(to: &connection.address) {
                MHD_add_connection(
                    daemon, socket, UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self),
                    connection.addressBytes)
            }
            // On failure the library has closed it, and the end of a relay is noticed by its other end.
            if result != .YES { handler.closed(socket) }
            return true
        }
        if !isHanded { drop(socket) }
        return isHanded
    }

    private func drop(_ socket: Int32) {
        // First, because the table shuts down what it knows.
        handler.closed(socket)
        close(socket)
    }

    private func closeUnserved() {
        if listener >= 0 { close(listener) }
        listener = -1
        for connection in silent { drop(connection.socket) }
        silent = []
        endRelays(where: \.isInHandshake)
    }

    private func refuseTLS(_ connection: Silent) {
        drop(connection.socket)
        refusals += 1
        let now = MonotonicClock.milliseconds
        guard now - lastRefusal >= 60_000 else { return }
        log.warning(
            """
            HTTPS refused: \(refusals), the latest from \(connection.network?.text ?? "an unknown address"); TLS is off, \
            or has no usable certificate (tls)
            """)
        (lastRefusal, refusals) = (now, 0)
    }

    // MARK: - Connections with TLS

    /// One more relay must not use up the descriptors: the oldest one of the address that has most of them ends.
    private func makeRoom() {
        guard relays.count >= limits.tlsConnections else { return }
        var counts: [Network?: Int] = [:]
        for relay in relays { counts[relay.network, default: 0] += 1 }
        let busiest = counts.max { $0.value < $1.value }
        // One that has not finished its handshake before a download or a stream of events.
        let ofBusiest = relays.indices.filter { relays[$0].network == busiest?.key }
        guard let index = ofBusiest.first(where: { relays[$0].isInHandshake }) ?? ofBusiest.first else { return }
        end(relays.remove(at: index))
    }

    private func serve(_ relay: TLSRelay, _ client: Int16, _ inner: Int16, at now: Int64) {
        guard relay.isInHandshake else { return relay.serve(client, inner, at: now) }
        guard client == 0 || handshakes.remaining(at: MonotonicClock.microseconds) > 0 else { return }
        let began = MonotonicClock.processorMicroseconds
        relay.serve(client, inner, at: now)
        handshakes.spend(MonotonicClock.processorMicroseconds - began)
    }

    private func endRelays(where isEnded: (TLSRelay) -> Bool) {
        let ended = relays.filter(isEnded)
        guard !ended.isEmpty else { return }
        relays.removeAll(where: isEnded)
        for relay in ended { end(relay) }
    }

    private func end(_ relay: TLSRelay) {
        handler.closed(relay.client)
        relay.close()
    }
}

extension Front.Silent {
    fileprivate var network: Network? {
        withUnsafeBytes(of: address) { Network($0.baseAddress!.assumingMemoryBound(to: sockaddr.self)) }
    }
}

/// The processor time that handshakes may take. One costs about half a millisecond, and the processors belong to the
/// shards: a fifth of one allows some 400 a second.
struct HandshakeTime {
    /// Microseconds in each period.
    private static let share: Int64 = 20_000
    private static let period: Int64 = 100_000

    private var began = Int64.min / 2
    private var spent: Int64 = 0

    /// - Parameter now: monotonic microseconds.
    mutating func remaining(at now: Int64) -> Int64 {
        if now - began >= HandshakeTime.period { (began, spent) = (now, 0) }
        return HandshakeTime.share - spent
    }

    mutating func spend(_ microseconds: Int64) { spent += microseconds }
}
