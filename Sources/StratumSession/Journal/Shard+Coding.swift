public import StratumProtocol

private enum Tag {
    static let shard = SectionTag("SHRD")
    static let policy = SectionTag("PLCY")
    static let pools = SectionTag("POOL")
    static let miners = SectionTag("MINR")
    static let connectionStates = SectionTag("WIRE")
    static let agents = SectionTag("AGNT")
    static let vacant = SectionTag("VACT")
    static let upstreams = SectionTag("UPST")
    static let seats = SectionTag("SEAT")
    static let conduct = SectionTag("CNDT")
}

/// The encoded state of a shard (docs/HANDOVER.md).
extension Shard {
    /// Incremented when a program of the previous version could not decode the new form. Programs skip what they do not
    /// know: new fields go to the end of their record, new sections get a new tag.
    static let codingVersion: UInt16 = 3
    /// The version of a state without TLS connections, which a program without TLS can continue.
    static let codingVersionWithoutTLS: UInt16 = 2

    /// Encodes the complete state.
    /// - Precondition: the outbox is empty. Decisions that were not performed would be lost.
    public func encode(to writer: inout BinaryWriter) {
        precondition(outbox.isEmpty, "decisions must be performed before the state is written")
        writer.versioned(hasTLS ? Shard.codingVersion : Shard.codingVersionWithoutTLS) { writer in
            writer.section(Tag.shard) { writer in
                writer.integer(random.state)
                writer.integer(nextMinerKey)
                writer.integer(UInt64(ticks))
                writer.integer(dials)
                writer.flag(expectsReserved)
                writer.integer(secrets.state)
                writer.integer(seats.lazy.map(\.reservedJobs).max() ?? 0)
                writer.integer(released)
                newConnections.encode(to: &writer)
            }
            writer.section(Tag.policy) { policy.encode(to: &$0) }
            writer.section(Tag.pools) { writer in
                writer.integer(UInt32(seats.count))
                for seat in seats {
                    writer.record { writer in
                        writer.flag(seat.hasSaidReserved)
                        seat.failureReports.encode(to: &writer)
                        writer.flag(seat.hasSaidNoAlgorithm)
                    }
                }
            }
            writer.section(Tag.miners) { encodeMiners(to: &$0) }
            writer.section(Tag.connectionStates) { writer in
                for row in connectionStates.indices where miners[row].phase != .vacant {
                    connectionStates[row].encode(to: &writer)
                }
            }
            writer.section(Tag.agents) { agents.encode(to: &$0) }
            writer.section(Tag.vacant) { writer in
                writer.integer(UInt32(vacant.count))
                vacant.withUnsafeBytes { writer.raw($0) }
            }
            writer.section(Tag.upstreams) { writer in
                writer.integer(UInt32(upstreams.count))
                for upstream in upstreams { upstream.encode(to: &writer) }
            }
            writer.section(Tag.seats) { writer in
                writer.integer(UInt32(seats.count))
                for seat in seats { seat.encode(to: &writer) }
            }
            writer.section(Tag.conduct) { encodeConduct(to: &$0) }
        }
    }

    private func encodeMiners(to writer: inout BinaryWriter) {
        writer.integer(UInt32(miners.count))
        writer.integer(UInt32(MinerSession.rowBytes))
        miners.withUnsafeBufferPointer { rows in
            for row in rows { row.encode(to: &writer) }
        }
    }

    /// Decodes the state of another process. All of it is checked: corrupt input is reported as an error, and a decoded
    /// shard satisfies every invariant.
    /// - Parameters:
    ///   - reader: positioned after the encoded state on return.
    ///   - poolNames: the names of the policy's pools, in order, for a state of an older program, which has none.
    public init(decoding reader: inout BinaryReader, poolNames: [String] = []) throws(DecodingFault) {
        let state = try ReadState(&reader, poolNames)
        self.init(policy: state.policy, seed: state.random, secretSeed: state.secrets)
        nextMinerKey = state.nextMinerKey
        ticks = state.ticks
        dials = state.dials
        released = state.released
        newConnections = state.newConnections
        seats = state.seats
        miners = state.miners
        connectionStates = state.connectionStates
        agents = state.agents
        vacant = state.vacant
        upstreams = state.upstreams
        minersNow = state.minersNow
        connections = state.connections
        heldBytes = miners.indices.reduce(0) { miners[$1].phase == .vacant ? $0 : $0 + connectionStates[$1].heldBytes }
        if let conduct = state.conduct { (conductSalt, self.conduct, leftOnTrial) = conduct }
    }
}

/// An encoded state, decoded and checked.
private struct ReadState {
    var policy: ShardPolicy
    let random: UInt64
    let secrets: UInt64
    let nextMinerKey: UInt64
    let ticks: Int
    let dials: UInt32
    let reservedJobs: UInt8
    let released: UInt32
    var newConnections = Allowance()
    var seats: [PoolSeat] = []
    var miners: [MinerSession] = []
    var connectionStates: [MinerConnectionState] = []
    var agents = AgentTable()
    var vacant: [UInt32] = []
    var upstreams: [Upstream] = []
    var minersNow = 0
    var connections = 0
    /// nil in a state of a program that kept no records.
    var conduct: (salt: UInt64, table: ConductTable, leftOnTrial: [LeftOnTrial])?

    init(_ reader: inout BinaryReader, _ poolNames: [String]) throws(DecodingFault) {
        let sections = try Sections(&reader)
        var base = try sections.body(Tag.shard, "SHRD")
        random = try base.integer()
        nextMinerKey = try base.integer(in: 1...Limits.minerKeyMax, "nextMinerKey")
        ticks = Int(try base.integer(in: 0...(1 << 62), "ticks") as UInt64)
        dials = try base.integer()
        let expectsReserved = try base.flag()
        // Older programs used one generator for both.
        secrets = base.remaining > 0 ? try base.integer() : random
        reservedJobs =
            base.remaining > 0
            ? try base.integer(in: 0...PoolSeat.reservedJobsMax, "reservedJobs")
            : expectsReserved ? PoolSeat.reservedJobsMax : 0
        released = base.remaining > 0 ? try base.integer() : 0
        if base.remaining > 0 { newConnections = try Allowance(decoding: &base) }
        var policyForm = try sections.body(Tag.policy, "PLCY")
        policy = try ShardPolicy(decoding: &policyForm)
        if poolNames.count == policy.pools.count {
            for (rank, name) in poolNames.enumerated() where policy.pools[rank].name.isEmpty {
                policy.pools[rank].name = name
            }
        }
        try decodeSeats(sections.body(Tag.seats))
        try decodePools(try sections.body(Tag.pools, "POOL"))
        try decodeMiners(
            try sections.body(Tag.miners, "MINR"), connectionStates: try sections.body(Tag.connectionStates, "WIRE"))
        if var reader = sections.body(Tag.agents) { agents = try AgentTable(decoding: &reader) }
        try decodeVacant(try sections.body(Tag.vacant, "VACT"))
        try decodeUpstreams(try sections.body(Tag.upstreams, "UPST"))
        try checkPlaces()
        if var reader = sections.body(Tag.conduct) { conduct = try Shard.conduct(decoding: &reader) }
    }

    /// Each pool of the policy has exactly one seat.
    private mutating func decodeSeats(_ reader: BinaryReader?) throws(DecodingFault) {
        guard var reader else {
            seats = PoolSeat.inOrder(of: policy, reservedJobs: reservedJobs)
            return
        }
        let count = try reader.entryCount(max: Limits.poolSeatsMax, bytesMin: 8, "seats")
        for _ in 0..<count { seats.append(try PoolSeat(decoding: &reader, reservedJobs: reservedJobs)) }
        guard PoolSeat.seat(seats, allOf: policy) else { throw .badField("seats") }
    }

    private mutating func decodePools(_ reader: BinaryReader) throws(DecodingFault) {
        var reader = reader
        guard try reader.integer() as UInt32 == UInt32(seats.count) else { throw .badField("pools") }
        for seat in seats.indices {
            var reader = try reader.record()
            seats[seat].hasSaidReserved = try reader.flag()
            seats[seat].failureReports = try FailureReports(decoding: &reader)
            seats[seat].hasSaidNoAlgorithm = reader.remaining > 0 ? try reader.flag() : false
        }
    }

    private mutating func decodeMiners(_ rows: BinaryReader, connectionStates reader: BinaryReader)
        throws(DecodingFault)
    {
        var rows = rows
        var reader = reader
        let count = try rows.entryCount(max: Limits.minersMax, bytesMin: 0, "miners")
        // The rows of a newer program may be longer.
        let rowBytes = Int(try rows.integer(in: UInt32(MinerSession.rowBytesMin)...1_024, "miners.rowBytes"))
        guard count * rowBytes <= rows.remaining else { throw .truncated }
        miners.reserveCapacity(count)
        connectionStates.reserveCapacity(count)
        for _ in 0..<count {
            var row = BinaryReader(try rows.raw(rowBytes))
            let miner = try MinerSession(decoding: &row)
            miners.append(miner)
            if miner.phase == .vacant {
                connectionStates.append(MinerConnectionState(generation: miner.generation &- 1, address: ""))
            } else {
                connectionStates.append(try MinerConnectionState(decoding: &reader, generation: miner.generation))
                if let last = connectionStates.last { miners[miners.count - 1].hasTLS = !last.transport.isPlain }
                connections += 1
                if miner.phase == .mining { minersNow += 1 }
            }
        }
    }

    /// Lists each vacant row exactly once, and no other row: otherwise two miners would get the same one.
    private mutating func decodeVacant(_ reader: BinaryReader) throws(DecodingFault) {
        var reader = reader
        let count = try reader.entryCount(max: Limits.minersMax, bytesMin: 4, "vacant")
        guard count == miners.count - connections else { throw .badField("vacant") }
        var isListed = [Bool](repeating: false, count: miners.count)
        vacant.reserveCapacity(count)
        for _ in 0..<count {
            let row: UInt32 = try reader.integer()
            guard Int(row) < miners.count, miners[Int(row)].phase == .vacant, !isListed[Int(row)] else {
                throw .badField("vacant")
            }
            isListed[Int(row)] = true
            vacant.append(row)
        }
    }

    private mutating func decodeUpstreams(_ reader: BinaryReader) throws(DecodingFault) {
        var reader = reader
        let count = try reader.entryCount(max: Limits.upstreamsMax, bytesMin: 64, "upstreams")
        var places = 0
        upstreams.reserveCapacity(count)
        for index in 0..<count {
            let upstream = try Upstream(
                decoding: &reader, index: UInt16(index), pools: policy.pools.count, seats: seats)
            places += upstream.sessions.reduce(0) { $0 + $1.inFlight.ringCount }
            guard places <= Limits.sharePlacesMax else { throw .badField("shares") }
            upstreams.append(upstream)
        }
    }

    /// A logged-in miner has a slot, and an owned slot has a miner.
    private func checkPlaces() throws(DecodingFault) {
        var placed = 0
        for (row, miner) in miners.enumerated() where miner.phase == .awaitingJob || miner.phase == .mining {
            placed += 1
            let id = MinerID(index: UInt32(row), generation: miner.generation)
            guard Int(miner.upstream) < upstreams.count,
                upstreams[Int(miner.upstream)].space[miner.slot] == .owned(id)
            else { throw .badField("miner.slot") }
        }
        let owned = upstreams.reduce(0) { $0 + $1.space.ownedCount }
        guard owned == placed else { throw .badField("slots") }
    }
}

/// The sections of an encoded state, each at most once. Unknown ones are ignored.
private struct Sections {
    private var list: [(tag: UInt32, body: BinaryReader)] = []
    /// There are ten; a corrupt state must not cause a list of millions.
    private static let countMax = 64

    init(_ reader: inout BinaryReader) throws(DecodingFault) {
        var (_, sections) = try reader.versioned(upTo: Shard.codingVersion)
        while let section = try sections.section() {
            let isNew = !list.contains { $0.tag == section.tag }
            guard isNew, list.count < Sections.countMax else { throw .badField("section") }
            list.append(section)
        }
    }

    func body(_ tag: SectionTag, _ name: StaticString) throws(DecodingFault) -> BinaryReader {
        guard let body = body(tag) else { throw .missing(name.description) }
        return body
    }

    /// nil when an older program did not write it.
    func body(_ tag: SectionTag) -> BinaryReader? { list.first { $0.tag == tag.number }?.body }
}
