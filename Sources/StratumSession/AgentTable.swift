internal import StratumProtocol

/// The agents that miners have named when they logged in, each kept once: the thousands of a farm have the same.
struct AgentTable {
    /// There are a handful of honest ones. Who names another when the table is full keeps it for itself, so that strangers cannot
    /// make us keep more than 64 KiB.
    static let countMax = 256
    /// To name a shorter one takes as many bytes as to keep it.
    static let agentBytesMin = 8

    /// In the order in which they came; none is ever forgotten.
    private(set) var agents: [[UInt8]] = []
    /// To find one: many long ones that begin alike cost as much as one.
    private var numbers: [[UInt8]: UInt8] = [:]

    init() {}

    /// The number of an agent, which it gets now if it is new; nil when it has none.
    mutating func number(of agent: String) -> UInt8? {
        guard agent.utf8.count >= AgentTable.agentBytesMin else { return nil }
        let bytes = Array(agent.utf8)
        if let known = numbers[bytes] { return known }
        guard agents.count < AgentTable.countMax else { return nil }
        let number = UInt8(agents.count)
        agents.append(bytes)
        numbers[bytes] = number
        return number
    }

    /// nil when nobody has this number.
    subscript(number: UInt8) -> String? {
        Int(number) < agents.count ? String(decoding: agents[Int(number)], as: UTF8.self) : nil
    }
}

// MARK: - Coding

extension AgentTable {
    func encode(to writer: inout BinaryWriter) {
        writer.integer(UInt32(agents.count))
        for agent in agents { writer.bytes(agent) }
    }

    init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        let count = try reader.entryCount(max: AgentTable.countMax, bytesMin: 4, "agents")
        for number in 0..<count {
            let agent = [UInt8](try reader.bytes(max: LoginRequest.fieldBytesMax, "agent"))
            agents.append(agent)
            if numbers[agent] == nil { numbers[agent] = UInt8(number) }
        }
    }
}
