internal import StratumProtocol

/// Who a miner is: where it came from, and what it said of itself when it logged in.
public struct MinerIntroduction: Equatable, Sendable {
    /// As the worker gave it when the connection was accepted.
    public var address: String
    public var login: String
    public var password: String?
    public var agent: String?
    public var rigID: String?
}

/// What of a miner's connection has no fixed size: its introduction, and the beginning of a line that is not whole yet.
struct MinerWire {
    /// The longest text that is taken as an address.
    static let addressBytesMax = 255

    /// Whose it is; it stays when the row becomes vacant, until the next one takes it.
    var generation: UInt32
    var framer = LineFramer(lineBytesMax: LineFramer.minerLineBytesMax)
    /// The introduction, packed: one allocation for each miner, and read only now and then.
    private var packed: [UInt8] = []

    init(generation: UInt32, address: String) {
        self.generation = generation
        MinerWire.pack(address, into: &packed)
    }

    /// The miner has logged in.
    mutating func introduce(_ login: LoginRequest) {
        packed.reserveCapacity(packed.count + login.login.utf8.count + (login.agent?.utf8.count ?? 0) + 16)
        MinerWire.pack(login.login, into: &packed)
        for text in [login.password, login.agent, login.rigID] { MinerWire.pack(text, into: &packed) }
    }

    /// nil before the login.
    var introduction: MinerIntroduction? { MinerWire.unpack(packed) }

    /// A 16-bit length (all ones = not given), then the bytes.
    private static func pack(_ text: String?, into bytes: inout [UInt8]) {
        let count = UInt16(text?.utf8.count ?? Int(UInt16.max))
        bytes.append(UInt8(truncatingIfNeeded: count))
        bytes.append(UInt8(truncatingIfNeeded: count >> 8))
        if let text { bytes.append(contentsOf: text.utf8) }
    }

    private static func unpack(_ bytes: [UInt8]) -> MinerIntroduction? {
        var position = 0
        func next() -> String?? {
            guard position + 2 <= bytes.count else { return .none }
            let count = Int(bytes[position]) | Int(bytes[position + 1]) << 8
            position += 2
            guard count < Int(UInt16.max) else { return .some(nil) }
            guard position + count <= bytes.count else { return .none }
            defer { position += count }
            return String(decoding: bytes[position..<(position + count)], as: UTF8.self)
        }
        guard case .some(.some(let address)) = next(), case .some(.some(let login)) = next(),
            case .some(let password) = next(), case .some(let agent) = next(), case .some(let rigID) = next()
        else { return nil }
        return MinerIntroduction(address: address, login: login, password: password, agent: agent, rigID: rigID)
    }
}

// MARK: - Written form

extension MinerWire {
    /// Four fields of a login, an address, and their lengths.
    private static let packedBytesMax = 4 * LoginRequest.fieldBytesMax + addressBytesMax + 10

    func encode(to form: inout FormWriter) {
        form.record { form in
            form.bytes(packed)
            framer.encode(to: &form)
        }
    }

    init(decoding form: inout FormReader, generation: UInt32) throws(FormFault) {
        var form = try form.record()
        self.generation = generation
        packed = [UInt8](try form.bytes(max: MinerWire.packedBytesMax, "miner.introduction"))
        framer = try LineFramer(decoding: &form, lineBytesMax: LineFramer.minerLineBytesMax)
    }
}

extension Shard {
    /// Who a miner is that has logged in. It can be asked until its row is given to another: so also while its end is
    /// being performed.
    public func introduction(of id: MinerID) -> MinerIntroduction? {
        let row = Int(id.index)
        guard row < wires.count, wires[row].generation == id.generation else { return nil }
        return wires[row].introduction
    }

    /// How many bytes of a miner's connection were taken in, and how many were given to be sent, since its beginning.
    /// What the kernel says it has read and been given beyond or below tells where a predecessor was cut off.
    public func traffic(of id: MinerID) -> Traffic? {
        row(of: id).map { Traffic(received: miners[$0].received, sent: miners[$0].sent) }
    }

    /// The same of a pool connection.
    public func traffic(of id: PoolConnectionID) -> Traffic? {
        guard isCurrent(id) else { return nil }
        let session = upstreams[Int(id.upstream)].sessions[Int(id.pool)]
        return Traffic(received: session.received, sent: session.sent)
    }
}

/// Bytes of one connection since its beginning.
public struct Traffic: Equatable, Sendable {
    public var received: UInt64
    public var sent: UInt64
}
