internal import StratumProtocol
public import TLSRecords

// TLS (docs/decisions/0018-tls-records.md). A handshake is random, so it is done outside of the shard, which gets its
// result in one input. From then on the shard opens what was read and seals what it decides: both are part of a replay.

extension Shard {
    // MARK: - Handshakes

    /// A miner has sent a TLS hello.
    /// - Parameter bytes: everything that it has sent after its PROXY header.
    mutating func beginHandshake(_ id: MinerID, _ bytes: Span<UInt8>, at now: Instant) {
        let row = Int(id.index)
        connectionStates[row].transport = .handshake
        miners[row].hasTLS = true
        miners[row].deadline = now + Limits.handshake
        outbox.beginHandshake(of: id, bytes)
    }

    /// A miner's handshake is complete.
    mutating func secured(
        _ id: MinerID, _ bytes: Span<UInt8>, with parser: JSONParser, at now: Instant
    ) throws(ReplayFault) {
        let result = try Shard.result(bytes, as: .server)
        guard let row = row(of: id), case .handshake = connectionStates[row].transport else { return }
        connectionStates[row].transport = result.transport
        miners[row].deadline = now + Limits.login
        (miners[row].received, miners[row].sent) = (result.traffic.received, result.traffic.sent)
        if !result.unread.isEmpty { receive(result.unread.span, from: id, with: parser, at: now) }
    }

    /// A connection to a pool is made, and its handshakes are complete.
    mutating func secured(
        _ id: PoolConnectionID, _ bytes: Span<UInt8>, with parser: JSONParser, at now: Instant
    ) throws(ReplayFault) {
        let result = try Shard.result(bytes, as: .client)
        guard isCurrent(id), case .connecting = self[id].phase else { return }
        self[id].transport = result.transport
        (self[id].received, self[id].sent) = (result.traffic.received, result.traffic.sent)
        poolConnected(id, at: now)
        if !result.unread.isEmpty { receive(result.unread.span, from: id, with: parser, at: now) }
    }

    private static func result(_ bytes: Span<UInt8>, as role: RecordState.Role) throws(ReplayFault) -> HandshakeResult {
        let result = bytes.withUnsafeBytes { bytes -> HandshakeResult? in
            do throws(DecodingFault) { return try HandshakeResult(decoding: bytes, as: role) } catch { return nil }
        }
        guard let result else { throw .badHandshake }
        return result
    }

    // MARK: - Records

    /// - Parameter chunk: ciphertext, as read.
    mutating func receiveRecords(
        _ chunk: Span<UInt8>, of layer: RecordLayer, from id: MinerID, with parser: JSONParser, at now: Instant
    ) {
        var framer = RecordFramer()
        swap(&framer, &layer.framer)
        heldBytes -= framer.partialCount
        do throws(RecordFault) {
            let end = try open(chunk, of: layer, &framer) { shard, content in
                shard.receiveContent(content, from: id, with: parser, at: now)
                return shard.row(of: id) != nil
            }
            guard row(of: id) != nil else { return }
            heldBytes += framer.partialCount
            swap(&framer, &layer.framer)
            if let end { close(id, .tls(.alert(end)), at: now) }
        } catch {
            if row(of: id) != nil { close(id, .tls(.fault(error)), at: now) }
        }
    }

    /// - Parameter chunk: ciphertext, as read.
    mutating func receiveRecords(
        _ chunk: Span<UInt8>, of layer: RecordLayer, from id: PoolConnectionID, with parser: JSONParser,
        at now: Instant
    ) {
        var framer = RecordFramer()
        swap(&framer, &layer.framer)
        do throws(RecordFault) {
            let end = try open(chunk, of: layer, &framer) { shard, content in
                shard.receiveContent(content, from: id, with: parser, at: now)
                return shard.isCurrent(id)
            }
            guard isCurrent(id) else { return }
            swap(&framer, &layer.framer)
            switch end {
            case nil: break
            case .closeNotify: fail(id, .connection("closed by the pool"), at: now)
            case let alert?: fail(id, .connection("the pool has ended TLS: \(alert.text)"), at: now)
            }
        } catch {
            guard isCurrent(id) else { return }
            endRecords(of: id, with: error.alert)
            fail(id, .connection("the pool breaks the TLS protocol: \(error.alert.text)"), at: now)
        }
    }

    /// Opens the records that a chunk completes, and passes on their content.
    /// - Parameter receive: false = the connection has ended.
    /// - Returns: the alert with which the peer has ended its side.
    private mutating func open(
        _ chunk: Span<UInt8>, of layer: RecordLayer, _ framer: inout RecordFramer,
        _ receive: (inout Shard, Span<UInt8>) -> Bool
    ) throws(RecordFault) -> Alert? {
        var end: Alert?
        try framer.feed(chunk) { (record: Span<UInt8>) throws(RecordFault) -> Bool in
            switch try layer.state.open(record, with: cipher) {
            case .data(let content): return receive(&self, content.span)
            case .nothing: return true
            case .ended(let alert):
                end = alert
                return false
            }
        }
        return end
    }

    /// Seals the last record of a connection that is closed.
    mutating func endRecords(of id: MinerID, with alert: Alert) {
        guard let row = row(of: id), case .records(let layer) = connectionStates[row].transport else { return }
        let cipher = cipher
        outbox.send(to: id) { _ = try? layer.state.seal(alert: alert, into: &$0, with: cipher) }
    }

    /// Seals the last record of a connection that is closed, unless it has one.
    mutating func endRecords(of id: PoolConnectionID, with alert: Alert = .closeNotify) {
        guard case .records(let layer) = self[id].transport, !layer.state.isWriteClosed else { return }
        let cipher = cipher
        outbox.send(to: id) { _ = try? layer.state.seal(alert: alert, into: &$0, with: cipher) }
    }

    // MARK: - What outlives a process

    /// Whether any connection has TLS.
    var hasTLS: Bool {
        miners.contains { $0.hasTLS } || upstreams.contains { $0.sessions.contains { !$0.transport.isPlain } }
    }

    /// The digest of all records sealed for a miner (`RecordState.mark`); nil when the shard seals none for it.
    public func mark(of id: MinerID) -> UInt64? {
        row(of: id).flatMap { connectionStates[$0].transport.mark }
    }

    /// The same for a pool connection.
    public func mark(of id: PoolConnectionID) -> UInt64? { isCurrent(id) ? self[id].transport.mark : nil }

    /// Whether another process can continue a miner's connection: not during a TLS handshake, nor with a TLS older than
    /// 1.3.
    public func canContinue(_ id: MinerID) -> Bool {
        row(of: id).map { connectionStates[$0].transport.isState } ?? false
    }

    public func canContinue(_ id: PoolConnectionID) -> Bool { isCurrent(id) && self[id].transport.isState }

    /// Wipes the keys of a connection that must not be continued, and nothing else: its end is a later input.
    public mutating func abandonRecords(of id: MinerID) {
        guard let row = row(of: id) else { return }
        heldBytes -= connectionStates[row].transport.heldBytes
        connectionStates[row].transport = .handshake
        miners[row].hasTLS = true
    }

    public mutating func abandonRecords(of id: PoolConnectionID) {
        if isCurrent(id) { self[id].transport = .handshake }
    }

    /// Wipes all keys: another process has these connections.
    public mutating func abandonAllRecords() {
        for id in minerIDs where mark(of: id) != nil { abandonRecords(of: id) }
        for (id, _) in poolConnections where mark(of: id) != nil { abandonRecords(of: id) }
        cipher.wipe()
    }

    /// The TLS of a miner's connection; nil without TLS, and during its handshake.
    public func tls(of id: MinerID) -> TLSDescription? {
        row(of: id).flatMap { connectionStates[$0].transport.description }
    }

    public func tls(of id: PoolConnectionID) -> TLSDescription? { isCurrent(id) ? self[id].transport.description : nil }
}

extension Transport {
    fileprivate var mark: UInt64? {
        if case .records(let layer) = self { layer.state.mark } else { nil }
    }

    /// Whether all of it is in the shard's state.
    fileprivate var isState: Bool {
        switch self {
        case .plain, .records: true
        case .handshake, .outside: false
        }
    }

    fileprivate var description: TLSDescription? {
        switch self {
        case .plain, .handshake: nil
        case .records(let layer): TLSDescription(version: "TLSv1.3", cipher: layer.state.suite.name)
        case .outside(let description): description
        }
    }
}

extension CloseReason {
    /// What a miner with TLS is told when its connection is closed.
    var alert: Alert {
        if case .tls(.fault(let fault)) = self { fault.alert } else { .closeNotify }
    }
}

extension Alert {
    /// For people.
    public var text: String { name ?? "alert \(rawValue)" }
}
