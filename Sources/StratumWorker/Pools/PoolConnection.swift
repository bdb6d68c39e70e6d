internal import Configuration
internal import EventLoop
internal import StratumProtocol
internal import StratumSession
internal import TLSHandshake
internal import TLSRecords

/// The TCP connection of a link. The handshakes with a SOCKS5 proxy and of TLS come before the shard sees a byte.
final class PoolConnection: TCPStream {
    private let link: PoolLink
    /// nil for a connection of the previous process.
    private let endpoint: PoolEndpoint?
    private unowned let worker: Worker
    /// The handshake with the proxy, while it lasts.
    private var socks: SOCKSHandshake?
    private var protection = Protection.none
    /// Bytes of the handshake with the proxy.
    private var proxyTraffic = Traffic()

    init(on loop: Loop, link: PoolLink, endpoint: PoolEndpoint? = nil, worker: Worker) {
        self.link = link
        self.endpoint = endpoint
        self.worker = worker
        super.init(on: loop)
    }

    /// Bytes that may be queued for a pool that reads slowly: about 16,000 shares. A pool that does not read at all is
    /// given up long before that, because its oldest share is not answered. A burst of many miners must not reach the
    /// limit.
    override var queueBytesMax: Int { 4 * 1024 * 1024 }

    override func didConnect(_ failure: SystemFailure?) {
        link.dialEnded(isConnected: failure == nil)
        if let failure { return worker.ended(link, reason: proxyName + failure.description) }
        keepAlive()
        if let endpoint, let proxy = endpoint.proxy {
            let handshake = SOCKSHandshake(proxy, to: endpoint)
            socks = handshake
            send(toProxy: handshake.greeting)
        } else if let tls = endpoint?.tls {
            beginHandshake(tls)
        } else {
            worker.connected(link)
        }
        startReading()
    }

    func keepAlive() { keepAlive(afterSeconds: PoolConnection.keepAliveSeconds) }

    /// docs/COMPATIBILITY.md, "Timers".
    private static let keepAliveSeconds: UInt32 = 60

    override func memoryForReading() -> UnsafeMutableRawBufferPointer {
        // Only what the shard is to read belongs in its log.
        guard case .none = protection, socks == nil else { return super.memoryForReading() }
        return worker.room(for: .poolBytes(link.id)) ?? super.memoryForReading()
    }

    override func didReceive(_ chunk: UnsafeRawBufferPointer) {
        if socks != nil { return receivedOfProxy(chunk) }
        switch protection {
        case .none: worker.received(chunk, as: .poolBytes(link.id))
        case .handshake(let pending):
            pending.noteReceived(chunk.count)
            handle(pending.receive(chunk), of: pending)
        case .stream(let stream): received(chunk, in: stream)
        }
    }

    override func didEnd(_ end: StreamEnd) {
        switch end {
        case .endOfStream:
            worker.ended(link, reason: socks == nil ? "closed by the pool" : proxyName + "closed the connection")
        case .failure(let failure): worker.ended(link, reason: (socks == nil ? "" : proxyName) + failure.description)
        }
    }

    /// Sends what the shard has decided.
    func write(_ bytes: UnsafeRawBufferPointer) -> SendOutcome { send(bytes, through: protection) }

    // MARK: - SOCKS5

    /// "SOCKS5 proxy 127.0.0.1:9050: ", or empty without a proxy.
    private var proxyName: String { endpoint?.proxy.map { "SOCKS5 proxy \($0.name): " } ?? "" }

    private func send(toProxy bytes: [UInt8]) {
        proxyTraffic.sent += UInt64(bytes.count)
        send(record: bytes)
    }

    private func receivedOfProxy(_ chunk: UnsafeRawBufferPointer) {
        guard var handshake = socks else { return }
        proxyTraffic.received += UInt64(chunk.count)
        var output: [UInt8] = []
        let state = chunk.withMemoryRebound(to: UInt8.self) { handshake.receive($0.span, output: &output) }
        socks = handshake
        if !output.isEmpty { send(toProxy: output) }
        switch state {
        case .ongoing: break
        case .failed(let reason): worker.ended(link, reason: proxyName + reason)
        case .connected(let unread):
            socks = nil
            proxyTraffic.received -= UInt64(unread.count)
            if let tls = endpoint?.tls {
                guard beginHandshake(tls), !unread.isEmpty else { return }
                unread.withUnsafeBytes { didReceive($0) }
            } else {
                worker.connected(link, HandshakeResult(.none, traffic: proxyTraffic, unread: unread))
            }
        }
    }

    // MARK: - TLS

    /// - Returns: whether it continues.
    @discardableResult
    private func beginHandshake(_ tls: Settings.PoolTLS) -> Bool {
        do throws(ContextFailure) {
            let context = try worker.pools.contexts.context(for: tls)
            guard let handshake = Handshake(client: context, host: endpoint?.host ?? "") else {
                worker.ended(link, reason: "TLS: no memory")
                return false
            }
            let pending = PendingHandshake(handshake, traffic: proxyTraffic)
            protection = .handshake(pending)
            let step = pending.start()
            handle(step, of: pending)
            if case .ongoing = step.state { return true }
        } catch {
            worker.ended(link, reason: "TLS: " + error.findings.map(\.text).joined(separator: "; "))
        }
        return false
    }

    private func handle(_ step: HandshakeStep, of pending: PendingHandshake) {
        send(record: step.output)
        switch step.state {
        case .ongoing: break
        case .secured(let session):
            defer { session.wipe() }
            protection = .none
            guard let result = HandshakeResult(session, as: .client, traffic: pending.traffic) else {
                return worker.ended(link, reason: "TLS: unknown cipher suite \(session.cipherName)")
            }
            link.hasMark = true
            worker.connected(link, result)
        case .streaming(let stream, let unread):
            protection = .stream(stream)
            worker.connected(link, HandshakeResult(stream, traffic: pending.traffic))
            unread.withUnsafeBytes { received($0, in: stream) }
        case .failed(let failure):
            worker.ended(link, reason: "TLS: \(failure.reason)")
        }
    }

    private func received(_ chunk: UnsafeRawBufferPointer, in stream: TLSStream) {
        guard !chunk.isEmpty else { return }
        let received = stream.read(chunk)
        send(record: received.output)
        if !received.plaintext.isEmpty {
            received.plaintext.withUnsafeBytes { worker.apply(.poolBytes(link.id), $0) }
            worker.perform()
        }
        switch received.end {
        case nil: break
        case .closed: worker.ended(link, reason: "closed by the pool")
        case .failed(let reason): worker.ended(link, reason: "TLS: \(reason)")
        }
    }
}
