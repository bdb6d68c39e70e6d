internal import StratumProtocol

/// The agents of miners, each stored once: the thousands of miners of a farm have the same one.
struct AgentTable {
    /// There are few honest agents. When the table is full, a miner with another one stores it itself. So the table
    /// never exceeds 64 KiB.
    static let countMax = 256
    /// The number of a shorter agent would take as many bytes as the agent.
    static let agentBytesMin = 8

    /// In the order of arrival; none is ever removed.
    private(set) var agents: [[UInt8]] = []
    /// The index by agent: searching takes no longer among many long agents with a common beginning.
    private var numbers: [[UInt8]: UInt8] = [:]

    init() {}

    /// The number of an agent, which is added if it is new; nil when the agent is too short or the table is full.
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

    /// nil when no agent has this number.
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
