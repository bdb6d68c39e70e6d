internal import Addresses
public import StratumProtocol

/// An event for a shard. All decisions of a shard follow from the order of these inputs, their bytes and their times.
/// So a shard can be restored from its snapshot and the inputs since.
public enum ShardInput: Equatable, Sendable {
    case start
    /// A connection was accepted; the bytes are its address. It gets the id that `Shard.nextMinerID` returns.
    case minerConnected(MinerID, ConnectionTerms = [])
    /// The miner's TLS handshake is complete; the bytes are a `HandshakeResult`.
    case minerSecured(MinerID)
    /// A chunk of bytes from the miner, as read.
    case minerBytes(MinerID)
    case minerClosed(MinerID)
    /// The connection is made; the bytes are the `HandshakeResult` of its TLS handshake, or empty for plain TCP.
    case poolConnected(PoolConnectionID)
    /// A chunk of bytes from the pool, as read.
    case poolBytes(PoolConnectionID)
    /// The bytes are the reason, in the text of the system.
    case poolClosed(PoolConnectionID)
    /// The connection cannot be continued by a new process: its TLS is older than 1.3.
    case poolNotKept(PoolConnectionID)
    case tick
    /// The operator has changed the policy; the bytes are its encoded form.
    case policy
    /// Another shard has quarantined a miner that is logged in here, or the new miners of its address; the bytes are a
    /// `KnownQuarantine`.
    case conduct(MinerID)
    /// Another shard has taken over a part of this one.
    case release(ReleasedPart)
    /// For the worker: a shard ignores it.
    case note(UInt32)
}

/// How a connection of a miner begins, by the address that it was made to.
public struct ConnectionTerms: OptionSet, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// It is a balancer's: it begins with a PROXY header, which gives the client's address.
    public static let proxyHeader = ConnectionTerms(rawValue: 1)
    /// It may begin with a TLS hello.
    public static let mayUseTLS = ConnectionTerms(rawValue: 2)
    /// A miner without TLS is not served.
    public static let requiresTLS = ConnectionTerms(rawValue: 4)
}

/// Why a replayed input does not fit the state: they do not belong together.
public enum ReplayFault: Error, Equatable, Sendable {
    /// The connection would get another id.
    case otherMiner
    /// The policy cannot be decoded.
    case badPolicy
    /// The result of a handshake cannot be decoded.
    case badHandshake
}

extension Shard {
    /// The id of the next connection; nil when the table is full, and the connection must be closed.
    public var nextMinerID: MinerID? {
        if let row = vacant.last { return MinerID(index: row, generation: miners[Int(row)].generation) }
        return miners.count < Limits.minersMax ? MinerID(index: UInt32(miners.count), generation: 0) : nil
    }

    /// Handles an input. Live and replayed inputs take the same path.
    /// - Throws: when a replayed input does not fit; the state has not changed then. Never for a live input.
    public mutating func apply(
        _ input: ShardInput, _ bytes: Span<UInt8>, with parser: JSONParser, at now: Instant
    ) throws(ReplayFault) {
        switch input {
        case .start: start(at: now)
        case .minerConnected(let id, let terms):
            guard nextMinerID == id else { throw .otherMiner }
            let address = String(copying: bytes, max: MinerConnectionState.addressBytesMax)
            _ = minerConnected(from: address, on: terms, at: now)
        case .minerSecured(let id): try secured(id, bytes, with: parser, at: now)
        case .minerBytes(let id): receive(bytes, from: id, with: parser, at: now)
        case .minerClosed(let id): minerClosed(id, at: now)
        case .poolConnected(let id) where bytes.isEmpty: poolConnected(id, at: now)
        case .poolConnected(let id): try secured(id, bytes, with: parser, at: now)
        case .poolBytes(let id): receive(bytes, from: id, with: parser, at: now)
        case .poolClosed(let id):
            poolClosed(id, reason: String(copying: bytes, max: PoolFailure.textBytesMax), at: now)
        case .poolNotKept(let id): poolNotKept(id, at: now)
        case .tick: tick(at: now)
        case .policy:
            guard let policy = ShardPolicy(written: bytes) else { throw .badPolicy }
            adopt(policy, at: now)
        case .conduct(let id): learn(bytes, of: id, at: now)
        case .release(let part): release(part, at: now)
        case .note: break
        }
        if !resumable.isEmpty { readHeldBytes(with: parser, at: now) }
        if heldBytes > Limits.allHeldBytesMax { closeLargest(at: now) }
    }

    /// A miner has sent bytes, in chunks of any length. Bytes after a line that ends the connection are ignored.
    public mutating func receive(
        _ chunk: Span<UInt8>, from id: MinerID, with parser: JSONParser, at now: Instant
    ) {
        guard let row = row(of: id) else { return }
        miners[row].received &+= UInt64(chunk.count)
        guard miners[row].hasTLS else { return receiveContent(chunk, from: id, with: parser, at: now) }
        switch connectionStates[row].transport {
        case .plain, .outside: receiveContent(chunk, from: id, with: parser, at: now)
        case .records(let layer): receiveRecords(chunk, of: layer, from: id, with: parser, at: now)
        case .handshake: break
        }
    }

    /// - Parameter chunk: as the miner has written it: without TLS, or out of its records.
    mutating func receiveContent(
        _ chunk: Span<UInt8>, from id: MinerID, with parser: JSONParser, at now: Instant
    ) {
        let row = Int(id.index)
        guard miners[row].pause == .none else { return hold(chunk, of: id, at: now) }
        guard !miners[row].speaksStratum else { return receiveLines(chunk, from: id, with: parser, at: now) }
        var opening = takeHeldBytes(ofRow: row)
        if opening.isEmpty {
            open(chunk, id, with: parser, at: now)
        } else {
            opening.append(chunk)
            open(opening.span, id, with: parser, at: now)
        }
    }

    /// - Parameter bytes: everything that the connection has sent after its PROXY header, or inside TLS.
    private mutating func open(_ bytes: Span<UInt8>, _ id: MinerID, with parser: JSONParser, at now: Instant) {
        guard !miners[Int(id.index)].awaitsHeader else { return readHeader(bytes, id, with: parser, at: now) }
        let row = Int(id.index)
        let isPlain = !miners[row].hasTLS
        switch Opening(bytes.extracting(0..<min(bytes.count, Opening.bytesMax))) {
        case .undecided: hold(bytes, ofRow: row)
        case .foreign(.tls) where isPlain && miners[row].terms.contains(.mayUseTLS):
            beginHandshake(id, bytes, at: now)
        case .foreign(let other): turnAway(other, id, at: now)
        case .stratum where isPlain && miners[row].terms.contains(.requiresTLS): close(id, .tls(.required), at: now)
        case .stratum:
            miners[row].speaksStratum = true
            receiveLines(bytes, from: id, with: parser, at: now)
        }
    }

    /// - Parameter bytes: everything that the connection has sent.
    private mutating func readHeader(
        _ bytes: Span<UInt8>, _ id: MinerID, with parser: JSONParser, at now: Instant
    ) {
        let row = Int(id.index)
        switch ProxyHeader(bytes) {
        case .undecided: hold(bytes, ofRow: row)
        case .refused(let fault): close(id, .proxyHeader(fault), at: now)
        case .complete(let count, let source):
            miners[row].awaitsHeader = false
            miners[row].headerBytes = UInt16(count)
            if let source {
                changeConnectionState(ofRow: row) { wire, _ in
                    wire = MinerConnectionState(generation: id.generation, address: source.text)
                }
            }
            if count < bytes.count { open(bytes.extracting(count...), id, with: parser, at: now) }
        }
    }

    mutating func receiveLines(
        _ chunk: Span<UInt8>, from id: MinerID, with parser: JSONParser, at now: Instant
    ) {
        let row = Int(id.index)
        var framer = LineFramer(lineBytesMax: LineFramer.minerLineBytesMax)
        swap(&framer, &connectionStates[row].framer)
        heldBytes -= framer.partialCount
        do throws(PeerFault) {
            let taken = try framer.feed(chunk) { line in
                receiveLine(line, from: id, with: parser, at: now)
                return self.row(of: id) != nil && miners[row].pause == .none
            }
            guard self.row(of: id) != nil else { return }
            if taken < chunk.count { framer.hold(chunk.extracting(taken...)) }
            heldBytes += framer.partialCount
            swap(&framer, &connectionStates[row].framer)
        } catch {
            fault(error, of: id, at: now)
        }
    }

    private mutating func receiveLine(
        _ line: Span<UInt8>, from id: MinerID, with parser: JSONParser, at now: Instant
    ) {
        requests &+= 1
        do throws(PeerFault) {
            handle(try parser.minerRequest(line), from: id, at: now)
        } catch {
            fault(error, of: id, at: now)
        }
    }

    /// A pool has sent bytes, in chunks of any length. Bytes after a line that ends the connection are ignored.
    public mutating func receive(
        _ chunk: Span<UInt8>, from id: PoolConnectionID, with parser: JSONParser, at now: Instant
    ) {
        guard isCurrent(id) else { return }
        self[id].received &+= UInt64(chunk.count)
        guard !self[id].transport.isPlain else { return receiveContent(chunk, from: id, with: parser, at: now) }
        switch self[id].transport {
        case .plain, .outside: receiveContent(chunk, from: id, with: parser, at: now)
        case .records(let layer): receiveRecords(chunk, of: layer, from: id, with: parser, at: now)
        case .handshake: break
        }
    }

    /// - Parameter chunk: as the pool has written it: without TLS, or out of its records.
    mutating func receiveContent(
        _ chunk: Span<UInt8>, from id: PoolConnectionID, with parser: JSONParser, at now: Instant
    ) {
        let (upstream, pool) = (Int(id.upstream), Int(id.pool))
        var framer = LineFramer(lineBytesMax: LineFramer.poolLineBytesMax)
        swap(&framer, &self[upstream, pool].framer)
        do throws(PeerFault) {
            try framer.feed(chunk) { line in
                receiveLine(line, from: id, with: parser, at: now)
                return isCurrent(id)
            }
            if isCurrent(id) { swap(&framer, &self[upstream, pool].framer) }
        } catch {
            fault(error, of: id, at: now)
        }
    }

    private mutating func receiveLine(
        _ line: Span<UInt8>, from id: PoolConnectionID, with parser: JSONParser, at now: Instant
    ) {
        guard !line.isBlank else { return }
        let reading = reading(of: id)
        do throws(PeerFault) {
            let message = try parser.poolMessage(line, loginID: reading.loginID, assumed: reading.assumed)
            handle(message, from: id, at: now)
        } catch {
            switch error {
            case .invalidJSON, .notARequest: oddLine(error, of: id, at: now)
            case .lineTooLong, .badRequestID, .badMethod, .badParams, .badField: fault(error, of: id, at: now)
            }
        }
    }
}

extension Span<UInt8> {
    /// Whether a line is blank: pools and balancers send such lines to keep a connection open.
    fileprivate var isBlank: Bool {
        for position in indices where self[position] != 0x20 && self[position] != 0x09 && self[position] != 0x0d {
            return false
        }
        return true
    }
}

extension String {
    /// At most `max` bytes of a text; invalid UTF-8 is repaired.
    fileprivate init(copying bytes: Span<UInt8>, max: Int) {
        self = bytes.extracting(0..<Swift.min(bytes.count, max)).withUnsafeBufferPointer {
            String(decoding: $0, as: UTF8.self)
        }
    }
}
