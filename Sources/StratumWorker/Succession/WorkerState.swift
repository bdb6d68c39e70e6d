internal import StratumProtocol
internal import StratumSession

/// The worker's part of the saved state, before that of its `Shard` (docs/HANDOVER.md): the descriptor of each
/// connection in this process, and the bytes sent on it that the kernel has not accepted.
struct WorkerState: Equatable {
    struct Connection: Equatable {
        var descriptor: Int32
        var unsent: [UInt8]
    }

    /// A connection with its identifier. An array of these is quick to build and write, while miners wait.
    struct Entry<ID: Equatable>: Equatable {
        var id: ID
        var connection: Connection
    }

    /// The process of the shard that the descriptors belong to; processes are counted from 1.
    var incarnation: UInt64
    var miners: [Entry<MinerID>] = []
    var pools: [Entry<PoolConnectionID>] = []
    /// `EventLog.written()`
    var events: [UInt8] = []
    /// The pools of the shard's policy, in its order: "pool.example:3333".
    var poolNames: [String] = []
    /// Shards that this one has absorbed, the latest last.
    var absorbed: [AbsorbedShard] = []

    struct AbsorbedShard: Equatable {
        var shard: UInt16
        /// The frozen process of that shard.
        var incarnation: UInt64
        /// The number of the part that was absorbed; 0 for the whole shard.
        var part: UInt32 = 0
    }

    /// Older entries are not needed: the supervisor gets the report of a merge at once.
    static let absorbedMax = 64
    private static let version: UInt16 = 1
    /// Pools are numbered by one byte; host names have at most 253 bytes.
    private static let poolsMax = 256
    private static let poolNameBytesMax = 512

    private enum Tag {
        static let process = SectionTag("PROC")
        static let miners = SectionTag("MCON")
        static let pools = SectionTag("PCON")
        static let events = SectionTag("EVTS")
        static let poolNames = SectionTag("PNAM")
        static let absorbed = SectionTag("ABSB")
    }

    init(incarnation: UInt64) {
        self.incarnation = incarnation
    }

    func encode(to writer: inout BinaryWriter) {
        writer.versioned(WorkerState.version) { writer in
            writer.section(Tag.process) { $0.integer(incarnation) }
            writer.section(Tag.miners) { writer in
                writer.integer(UInt32(miners.count))
                for miner in miners {
                    writer.integer(miner.id.index)
                    writer.integer(miner.id.generation)
                    WorkerState.encode(miner.connection, to: &writer)
                }
            }
            writer.section(Tag.pools) { writer in
                writer.integer(UInt32(pools.count))
                for pool in pools {
                    writer.integer(pool.id.upstream)
                    writer.integer(pool.id.pool)
                    writer.integer(pool.id.generation)
                    WorkerState.encode(pool.connection, to: &writer)
                }
            }
            writer.section(Tag.events) { $0.bytes(events) }
            writer.section(Tag.poolNames) { writer in
                writer.integer(UInt32(poolNames.count))
                for name in poolNames { writer.text(name) }
            }
            writer.section(Tag.absorbed) { writer in
                writer.integer(UInt32(absorbed.count))
                for one in absorbed {
                    writer.integer(one.shard)
                    writer.integer(one.incarnation)
                }
                for one in absorbed { writer.integer(one.part) }
            }
        }
    }

    private static func encode(_ connection: Connection, to writer: inout BinaryWriter) {
        writer.integer(connection.descriptor)
        writer.bytes(connection.unsent)
    }

    /// - Parameter reader: positioned after the state when this returns.
    init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        incarnation = 0
        var (_, sections) = try reader.versioned(upTo: WorkerState.version)
        while var section = try sections.section() {
            switch section.tag {
            case Tag.process.number:
                incarnation = try section.body.integer()
            case Tag.miners.number:
                for _ in 0..<(try section.body.entryCount(max: Limits.minersMax, bytesMin: 16, "worker.miners")) {
                    let id = MinerID(index: try section.body.integer(), generation: try section.body.integer())
                    miners.append(Entry(id: id, connection: try WorkerState.connection(&section.body)))
                }
            case Tag.pools.number:
                for _ in 0..<(try section.body.entryCount(max: Limits.minersMax, bytesMin: 15, "worker.pools")) {
                    let id = PoolConnectionID(
                        upstream: try section.body.integer(), pool: try section.body.integer(),
                        generation: try section.body.integer())
                    pools.append(Entry(id: id, connection: try WorkerState.connection(&section.body)))
                }
            case Tag.events.number:
                events = [UInt8](try section.body.bytes(max: .max, "worker.events"))
            case Tag.poolNames.number:
                for _ in 0..<(try section.body.entryCount(max: WorkerState.poolsMax, bytesMin: 4, "worker.poolNames")) {
                    poolNames.append(try section.body.text(max: WorkerState.poolNameBytesMax, "worker.poolName"))
                }
            case Tag.absorbed.number:
                for _
                    in 0..<(try section.body.entryCount(
                        max: WorkerState.absorbedMax, bytesMin: 10, "worker.absorbed"))
                {
                    absorbed.append(
                        AbsorbedShard(shard: try section.body.integer(), incarnation: try section.body.integer()))
                }
                // An older program absorbs only whole shards, and writes no parts.
                guard section.body.remaining > 0 else { break }
                for index in absorbed.indices { absorbed[index].part = try section.body.integer() }
            default:
                break  // of a newer program
            }
        }
    }

    private static func connection(_ reader: inout BinaryReader) throws(DecodingFault) -> Connection {
        Connection(
            descriptor: try reader.integer(), unsent: [UInt8](try reader.bytes(max: .max, "connection.unsent")))
    }
}

/// Notes for the successor among the logged inputs of the shard.
enum WorkerNote: UInt32 {
    /// The descriptor (4 bytes) of the connection that the next input is about.
    case descriptor = 1
    /// A checkpoint was recorded.
    case checkpoint = 2
}
