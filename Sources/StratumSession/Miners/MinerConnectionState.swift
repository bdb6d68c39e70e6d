internal import Addresses
internal import StratumProtocol
internal import TLSRecords

/// A miner's address and the login data that it sent. Each field is cut to `LoginRequest.fieldBytesMax` bytes.
public struct MinerIntroduction: Equatable, Sendable {
    /// The address that the worker gave when it accepted the connection, or that of its PROXY header.
    public var address: String
    public var login: String
    public var password: String?
    public var agent: String?
    public var rigID: String?
}

/// The state of a miner's connection without a fixed size: its login data, and an unfinished line.
struct MinerConnectionState {
    /// The longest text that is accepted as an address.
    static let addressBytesMax = 255

    /// The connection it belongs to. A vacant row keeps it until the next connection takes the row.
    var generation: UInt32
    var framer = LineFramer(lineBytesMax: LineFramer.minerLineBytesMax)
    var transport = Transport.plain
    /// The address and the login data, packed: one allocation for each miner, rarely read.
    private var packed: [UInt8] = []

    /// Bytes in use, without the overhead of the allocator.
    var heldBytes: Int { packed.count + framer.partialCount + transport.heldBytes }

    init(generation: UInt32, address: String) {
        self.generation = generation
        MinerConnectionState.pack(address, into: &packed)
    }

    /// Stores the data of a login.
    mutating func introduce(_ login: LoginRequest, _ agents: inout AgentTable) {
        let name = MinerConnectionState.name(login.login)
        let agentName = login.agent.map { MinerConnectionState.name($0) }
        let agent = agentName.flatMap { agents.number(of: $0) }
        let agentBytes = agent == nil ? agentName?.utf8.count ?? 0 : 0
        packed.reserveCapacity(packed.count + name.utf8.count + agentBytes + 16)
        MinerConnectionState.pack(name, into: &packed)
        MinerConnectionState.pack(login.password.map { MinerConnectionState.name($0) }, into: &packed)
        if let agent {
            MinerConnectionState.pack(head: MinerConnectionState.agentHead | UInt16(agent), into: &packed)
        } else {
            MinerConnectionState.pack(agentName, into: &packed)
        }
        MinerConnectionState.pack(login.rigID.map { MinerConnectionState.name($0) }, into: &packed)
        guard let id = login.id.text, !id.isEmpty else { return }
        MinerConnectionState.pack(head: UInt16(id.count), into: &packed)
        for position in 0..<id.count { packed.append(id[position]) }
    }

    /// Identifies the address in the shard's records; an IPv6 address by its /64.
    func addressKey(salt: UInt64) -> UInt64 {
        var key = ConductKey(salt: salt)
        var fields = PackedFields(packed)
        Network.forEachByte(of: fields.next()?.text ?? []) { key.add($0) }
        return key.finished
    }

    /// Identifies the miner by its address and login data, without the agent: an update does not make it another miner.
    func minerKey(salt: UInt64) -> UInt64 {
        var key = ConductKey(salt: ~salt)
        var fields = PackedFields(packed)
        Network.forEachByte(of: fields.next()?.text ?? []) { key.add($0) }
        // Login, password, agent, rig id.
        for number in 0..<4 {
            guard let field = fields.next() else { break }
            guard number != 2 else { continue }
            key.add(0xff)
            for byte in field.text { key.add(byte) }
        }
        return key.finished
    }

    /// Where it connected from.
    var address: String {
        var fields = PackedFields(packed)
        return String(decoding: fields.next()?.text ?? [], as: UTF8.self)
    }

    /// A vacant row keeps the address for the log, but no long login data.
    mutating func forgetLongNames() {
        guard packed.count > MinerConnectionState.vacantBytesMax else { return }
        var fields = PackedFields(packed)
        packed = Array(packed.prefix(2 + (fields.next()?.text.count ?? 0)))
    }

    /// Longer than the login data of honest miners.
    private static let vacantBytesMax = 512

    /// nil before the login.
    func introduction(_ agents: AgentTable) -> MinerIntroduction? {
        MinerConnectionState.unpack(packed, agents)?.introduction
    }

    /// The id of its login request when that is a string, else empty.
    func loginIDText(_ agents: AgentTable) -> RequestID.Text {
        MinerConnectionState.unpack(packed, agents)?.loginID ?? .init()
    }

    /// A field as it is kept: whole characters, and `?` for control characters, which mean something to databases and
    /// terminals.
    private static func name(_ text: String) -> String {
        func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7f }
        if text.utf8.count <= LoginRequest.fieldBytesMax, !text.utf8.contains(where: isControl) { return text }
        var bytes = Array(text.utf8.prefix(LoginRequest.fieldBytesMax + 1))
        if bytes.count > LoginRequest.fieldBytesMax {
            var end = LoginRequest.fieldBytesMax
            while bytes[end] & 0xc0 == 0x80 { end -= 1 }
            bytes.removeSubrange(end...)
        }
        for position in bytes.indices where isControl(bytes[position]) { bytes[position] = 0x3f }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Adapts the state to another shard, whose agents have other numbers.
    mutating func translate(from former: AgentTable, to agents: inout AgentTable) {
        guard let (known, loginID) = MinerConnectionState.unpack(packed, former) else { return }
        packed = []
        MinerConnectionState.pack(known.address, into: &packed)
        introduce(
            LoginRequest(
                id: loginID.isEmpty ? .null : .text(loginID), login: known.login, password: known.password,
                agent: known.agent, rigID: known.rigID), &agents)
    }

    /// In place of a length: not given.
    fileprivate static let nothingHead = UInt16.max
    /// In place of a length, with the number of an agent in the low byte.
    fileprivate static let agentHead: UInt16 = 0xfe00

    /// A 16-bit length (all ones = not given), then the bytes.
    private static func pack(_ text: String?, into bytes: inout [UInt8]) {
        pack(head: text.map { UInt16($0.utf8.count) } ?? nothingHead, into: &bytes)
        if let text { bytes.append(contentsOf: text.utf8) }
    }

    private static func pack(head: UInt16, into bytes: inout [UInt8]) {
        bytes.append(UInt8(truncatingIfNeeded: head))
        bytes.append(UInt8(truncatingIfNeeded: head >> 8))
    }

    private static func unpack(
        _ bytes: [UInt8], _ agents: AgentTable
    ) -> (introduction: MinerIntroduction, loginID: RequestID.Text)? {
        var fields = PackedFields(bytes)
        func next() -> String?? {
            guard let field = fields.next() else { return .none }
            if field.head == nothingHead { return .some(nil) }
            if let agent = field.agent { return agents[agent].map { .some($0) } }
            return String(decoding: field.text, as: UTF8.self)
        }
        guard case .some(.some(let address)) = next(), case .some(.some(let login)) = next(),
            case .some(let password) = next(), case .some(let agent) = next(), case .some(let rigID) = next()
        else { return nil }
        let loginID = (next() ?? nil).flatMap { RequestID.Text($0) } ?? RequestID.Text()
        return (
            MinerIntroduction(address: address, login: login, password: password, agent: agent, rigID: rigID), loginID
        )
    }
}

/// Iterates over the fields of `MinerConnectionState.packed`.
private struct PackedFields {
    struct Field {
        /// The length of the text, or a value that replaces it.
        let head: UInt16
        /// Empty without a text.
        let text: ArraySlice<UInt8>

        /// The number of an agent in `AgentTable`.
        var agent: UInt8? {
            head & 0xff00 == MinerConnectionState.agentHead ? UInt8(truncatingIfNeeded: head) : nil
        }
    }

    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// nil at the end, and when bytes are missing.
    mutating func next() -> Field? {
        guard position + 2 <= bytes.count else { return nil }
        let head = UInt16(bytes[position]) | UInt16(bytes[position + 1]) << 8
        position += 2
        let hasText = head != MinerConnectionState.nothingHead && head & 0xff00 != MinerConnectionState.agentHead
        let end = position + (hasText ? Int(head) : 0)
        guard end <= bytes.count else { return nil }
        defer { position = end }
        return Field(head: head, text: bytes[position..<end])
    }
}

// MARK: - Coding

extension MinerConnectionState {
    /// Four login fields, the request id, the address, and their lengths.
    private static let packedBytesMax =
        4 * LoginRequest.fieldBytesMax + RequestID.textBytesMax + addressBytesMax + 12

    func encode(to writer: inout BinaryWriter) {
        writer.record { writer in
            writer.bytes(packed)
            framer.encode(to: &writer)
            transport.encode(to: &writer)
        }
    }

    init(decoding reader: inout BinaryReader, generation: UInt32) throws(DecodingFault) {
        var reader = try reader.record()
        self.generation = generation
        packed = [UInt8](try reader.bytes(max: MinerConnectionState.packedBytesMax, "miner.introduction"))
        framer = try LineFramer(
            decoding: &reader, lineBytesMax: LineFramer.minerLineBytesMax, heldBytesMax: Limits.heldBytesMax)
        if reader.remaining > 0 { transport = try Transport(decoding: &reader, as: .server) }
    }
}

extension Shard {
    /// The address and login data of a miner that has logged in. Available until the next connection takes the row, so
    /// also while the end of the connection is being performed.
    public func introduction(of id: MinerID) -> MinerIntroduction? {
        let row = Int(id.index)
        guard row < connectionStates.count, connectionStates[row].generation == id.generation else { return nil }
        return connectionStates[row].introduction(agents)
    }

    /// Where a connection came from, by its PROXY header if it has one; available as long as the introduction.
    public func address(of id: MinerID) -> String? {
        let row = Int(id.index)
        guard row < connectionStates.count, connectionStates[row].generation == id.generation else { return nil }
        return connectionStates[row].address
    }

    /// The bytes received from a miner and sent to it since the connection was made. The difference from the kernel's
    /// counts shows where a predecessor was interrupted.
    public func traffic(of id: MinerID) -> Traffic? {
        row(of: id).map { Traffic(received: miners[$0].received, sent: miners[$0].sent) }
    }

    /// The same for a pool connection.
    public func traffic(of id: PoolConnectionID) -> Traffic? {
        guard isCurrent(id) else { return nil }
        let session = self[id]
        return Traffic(received: session.received, sent: session.sent)
    }
}

/// The byte counts of a connection since it was made.
public struct Traffic: Equatable, Sendable {
    public var received: UInt64
    public var sent: UInt64

    public init(received: UInt64 = 0, sent: UInt64 = 0) {
        self.received = received
        self.sent = sent
    }
}
