internal import Certificates
internal import DaemonKit
internal import EventLoop
internal import StratumProtocol
internal import StratumSession
internal import TLSHandshake
internal import TLSRecords
internal import Telemetry

// TLS of miners: the handshakes, and connections with a TLS older than 1.3. The shard knows a connection from the
// moment it is accepted; it knows none of the bytes of its handshake.

extension Worker {
    // MARK: - Handshakes

    /// The shard has seen a TLS hello.
    /// - Parameter bytes: everything that the connection has sent after its PROXY header.
    func beginHandshake(_ id: MinerID, _ bytes: UnsafeRawBufferPointer) {
        guard let connection = miners[id], let traffic = shard.traffic(of: id) else { return }
        handshakes.expect(connection, traffic: traffic)
        advance(connection, with: bytes)
    }

    /// - Returns: false when the connection was closed instead.
    private func begin(_ pending: PendingHandshake, of connection: MinerConnection) -> Bool {
        guard let context = certificate.context, let handshake = Handshake(server: context) else {
            handshakes.count(.unusable)
            news.cannotUseTLS(address(of: connection.id), port: connection.local?.port, at: WallClock.milliseconds())
            endHandshake(of: connection, .tls)
            return false
        }
        pending.begin(handshake)
        return true
    }

    /// A chunk of a handshake was read.
    func received(_ chunk: UnsafeRawBufferPointer, from connection: MinerConnection, in pending: PendingHandshake) {
        pending.noteReceived(chunk.count)
        advance(connection, with: chunk)
        perform()
    }

    private func advance(_ connection: MinerConnection, with bytes: UnsafeRawBufferPointer) {
        guard case .handshake(let pending) = connection.protection else { return }
        guard handshakes.mayContinue(connection, pending, at: now) else {
            pending.deferred.append(contentsOf: bytes)
            return connection.hold()
        }
        step(connection, pending, with: bytes)
    }

    /// Continues the handshakes that waited for this turn.
    func resumeHandshakes() {
        handshakes.resume(at: now) { connection in
            guard case .handshake(let pending) = connection.protection else { return }
            let bytes = pending.deferred
            pending.deferred = []
            bytes.withUnsafeBytes { step(connection, pending, with: $0) }
            connection.release()
        } end: { connection in
            closeCrowded(connection)
        }
        perform()
    }

    /// Closes a connection whose place another one gets.
    func closeCrowded(_ connection: MinerConnection) {
        handshakes.count(.crowded)
        miners.closed.count(.noRoom)
        connection.reset()
        drop(connection)
    }

    private func step(_ connection: MinerConnection, _ pending: PendingHandshake, with bytes: UnsafeRawBufferPointer) {
        let began = loop.nanoseconds
        guard pending.hasBegun || begin(pending, of: connection) else { return }
        let step = pending.receive(bytes)
        handshakes.spend(loop.nanoseconds - began)
        guard connection.send(record: step.output) else { return drop(connection) }
        switch step.state {
        case .ongoing: break
        case .secured(let session):
            defer { session.wipe() }
            guard let result = HandshakeResult(session, as: .server, traffic: pending.traffic) else {
                return endHandshake(of: connection, .tls)
            }
            handshakes.forget(connection)
            handshakes.count(.tls13)
            connection.hasMark = true
            journal.marks?[connection.id] = 0
            apply(.minerSecured(connection.id), result)
        case .streaming(let stream, let unread):
            handshakes.forget(connection)
            handshakes.count(.older)
            connection.protection = .stream(stream)
            apply(.minerSecured(connection.id), HandshakeResult(stream, traffic: pending.traffic))
            unread.withUnsafeBytes { received($0, from: connection, in: stream) }
        case .failed(let failure):
            handshakes.count(.failed)
            news.handshakeFailed(address(of: connection.id), failure.reason)
            noteFault(failure, of: connection)
            endHandshake(of: connection, .tls)
        }
    }

    /// Closes a connection after what was sent to it.
    private func endHandshake(of connection: MinerConnection, _ reason: ClosedConnections.Reason) {
        miners.closed.count(reason)
        apply(.minerClosed(connection.id))
        forget(connection)
        miners.lingering.add(connection, at: now)
    }

    /// Logs a result and passes it to the shard.
    func apply(_ input: ShardInput, _ result: HandshakeResult) {
        withUnsafeTemporaryAllocation(byteCount: HandshakeResult.headBytesMax + result.unread.count, alignment: 8) {
            var writer = BinaryWriter(into: $0)
            result.encode(to: &writer)
            apply(input, UnsafeRawBufferPointer(rebasing: $0[..<writer.count]))
            OpenSSLMemory.wipe($0)
        }
    }

    // MARK: - TLS 1.2 and lower

    /// A chunk of ciphertext was read.
    func received(_ chunk: UnsafeRawBufferPointer, from connection: MinerConnection, in stream: TLSStream) {
        guard !chunk.isEmpty else { return }
        readAt = now
        let received = stream.read(chunk)
        guard connection.send(record: received.output) else { return ended(connection) }
        if !received.plaintext.isEmpty {
            let before = shard.requests
            received.plaintext.withUnsafeBytes { apply(.minerBytes(connection.id), $0) }
            count(requests: Int(truncatingIfNeeded: shard.requests &- before), of: connection)
            perform()
        }
        if received.end != nil, miners[connection.id] === connection { ended(connection) }
    }
}
