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
    mutating func introduce(_ login: LoginRequest, _ agents: inout AgentTable) {
        let agent = login.agent.flatMap { agents.number(of: $0) }
        let agentBytes = agent == nil ? login.agent?.utf8.count ?? 0 : 0
        packed.reserveCapacity(packed.count + login.login.utf8.count + agentBytes + 16)
        MinerWire.pack(login.login, into: &packed)
        MinerWire.pack(login.password, into: &packed)
        if let agent {
            MinerWire.pack(head: MinerWire.agentHead | UInt16(agent), into: &packed)
        } else {
            MinerWire.pack(login.agent, into: &packed)
        }
        MinerWire.pack(login.rigID, into: &packed)
    }

    /// nil before the login.
    func introduction(_ agents: AgentTable) -> MinerIntroduction? { MinerWire.unpack(packed, agents) }

    /// It belongs to another shard now, which keeps its agents in another order.
    mutating func translate(from former: AgentTable, to agents: inout AgentTable) {
        guard let known = introduction(former) else { return }
        packed = []
        MinerWire.pack(known.address, into: &packed)
        introduce(
            LoginRequest(
                id: 0, login: known.login, password: known.password, agent: known.agent, rigID: known.rigID), &agents)
    }

    /// Instead of a length: not given.
    private static let nothingHead = UInt16.max
    /// Instead of a length, with the number of an agent in its lower byte.
    private static let agentHead: UInt16 = 0xfe00

    /// A 16-bit length (all ones = not given), then the bytes.
    private static func pack(_ text: String?, into bytes: inout [UInt8]) {
        pack(head: text.map { UInt16($0.utf8.count) } ?? nothingHead, into: &bytes)
        if let text { bytes.append(contentsOf: text.utf8) }
    }

    private static func pack(head: UInt16, into bytes: inout [UInt8]) {
        bytes.append(UInt8(truncatingIfNeeded: head))
        bytes.append(UInt8(truncatingIfNeeded: head >> 8))
    }

    private static func unpack(_ bytes: [UInt8], _ agents: AgentTable) -> MinerIntroduction? {
        var position = 0
        func next() -> String?? {
            guard position + 2 <= bytes.count else { return .none }
            let head = UInt16(bytes[position]) | UInt16(bytes[position + 1]) << 8
            position += 2
            if head == nothingHead { return .some(nil) }
            if head & 0xff00 == agentHead { return agents[UInt8(truncatingIfNeeded: head)].map { .some($0) } }
            guard position + Int(head) <= bytes.count else { return .none }
            defer { position += Int(head) }
            return String(decoding: bytes[position..<(position + Int(head))], as: UTF8.self)
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
        return wires[row].introduction(agents)
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
