internal import StratumProtocol
internal import StratumSession

/// The worker's own part of the written state, before that of its `Shard` (docs/HANDOVER.md): which descriptor each
/// connection has in this process, and what the kernel has not taken of what was sent on it.
struct WorkerForm: Equatable {
    struct Connection: Equatable {
        var descriptor: Int32
        var unsent: [UInt8]
    }

    /// A connection by its name; a list of these is quickly made and written, which is done while miners wait.
    struct Entry<ID: Equatable>: Equatable {
        var id: ID
        var connection: Connection
    }

    /// Counts the processes of the shard: whose descriptors these are.
    var incarnation: UInt64
    var miners: [Entry<MinerID>] = []
    var pools: [Entry<PoolConnectionID>] = []
    /// `EventLog.written()`
    var events: [UInt8] = []
    /// Where the pools of the shard's policy are, in its order: "pool.example:3333".
    var poolNames: [String] = []
    /// Shards whose miners and upstreams are part of this one now, the latest last.
    var absorbed: [AbsorbedShard] = []

    struct AbsorbedShard: Equatable {
        var shard: UInt16
        /// The process of that shard which stood still meanwhile.
        var incarnation: UInt64
        /// The number of the part that was absorbed; 0 = all of it.
        var part: UInt32 = 0
    }

    /// Those before are long over: who absorbs a shard hears at once that this is known.
    static let absorbedMax = 64
    private static let version: UInt16 = 1
    /// Pools are numbered by one byte; names of hosts have 253 bytes at most.
    private static let poolsMax = 256
    private static let poolNameBytesMax = 512

    private enum Tag {
        static let process = FormTag("PROC")
        static let miners = FormTag("MCON")
        static let pools = FormTag("PCON")
        static let events = FormTag("EVTS")
        static let poolNames = FormTag("PNAM")
        static let absorbed = FormTag("ABSB")
    }

    init(incarnation: UInt64) {
        self.incarnation = incarnation
    }

    func encode(to form: inout FormWriter) {
        form.form(version: WorkerForm.version) { form in
            form.section(Tag.process) { $0.integer(incarnation) }
            form.section(Tag.miners) { form in
                form.integer(UInt32(miners.count))
                for miner in miners {
                    form.integer(miner.id.index)
                    form.integer(miner.id.generation)
                    WorkerForm.encode(miner.connection, to: &form)
                }
            }
            form.section(Tag.pools) { form in
                form.integer(UInt32(pools.count))
                for pool in pools {
                    form.integer(pool.id.upstream)
                    form.integer(pool.id.pool)
                    form.integer(pool.id.generation)
                    WorkerForm.encode(pool.connection, to: &form)
                }
            }
            form.section(Tag.events) { $0.bytes(events) }
            form.section(Tag.poolNames) { form in
                form.integer(UInt32(poolNames.count))
                for name in poolNames { form.text(name) }
            }
            form.section(Tag.absorbed) { form in
                form.integer(UInt32(absorbed.count))
                for one in absorbed {
                    form.integer(one.shard)
                    form.integer(one.incarnation)
                }
                for one in absorbed { form.integer(one.part) }
            }
        }
    }

    private static func encode(_ connection: Connection, to form: inout FormWriter) {
        form.integer(connection.descriptor)
        form.bytes(connection.unsent)
    }

    /// - Parameter form: stands behind it afterwards.
    init(decoding form: inout FormReader) throws(FormFault) {
        incarnation = 0
        var (_, sections) = try form.form(version: WorkerForm.version)
        while var section = try sections.section() {
            switch section.tag {
            case Tag.process.number:
                incarnation = try section.body.integer()
            case Tag.miners.number:
                for _ in 0..<(try section.body.entryCount(max: Limits.minersMax, bytesMin: 16, "worker.miners")) {
                    let id = MinerID(index: try section.body.integer(), generation: try section.body.integer())
                    miners.append(Entry(id: id, connection: try WorkerForm.connection(&section.body)))
                }
            case Tag.pools.number:
                for _ in 0..<(try section.body.entryCount(max: Limits.minersMax, bytesMin: 15, "worker.pools")) {
                    let id = PoolConnectionID(
                        upstream: try section.body.integer(), pool: try section.body.integer(),
                        generation: try section.body.integer())
                    pools.append(Entry(id: id, connection: try WorkerForm.connection(&section.body)))
                }
            case Tag.events.number:
                events = [UInt8](try section.body.bytes(max: .max, "worker.events"))
            case Tag.poolNames.number:
                for _ in 0..<(try section.body.entryCount(max: WorkerForm.poolsMax, bytesMin: 4, "worker.poolNames")) {
                    poolNames.append(try section.body.text(max: WorkerForm.poolNameBytesMax, "worker.poolName"))
                }
            case Tag.absorbed.number:
                for _
                    in 0..<(try section.body.entryCount(
                        max: WorkerForm.absorbedMax, bytesMin: 10, "worker.absorbed"))
                {
                    absorbed.append(
                        AbsorbedShard(shard: try section.body.integer(), incarnation: try section.body.integer()))
                }
                // An older program absorbs whole shards.
                guard section.body.remaining > 0 else { break }
                for index in absorbed.indices { absorbed[index].part = try section.body.integer() }
            default:
                break  // of a newer program
            }
        }
    }

    private static func connection(_ form: inout FormReader) throws(FormFault) -> Connection {
        Connection(
            descriptor: try form.integer(), unsent: [UInt8](try form.bytes(max: .max, "connection.unsent")))
    }
}

/// What a worker notes among the shard's inputs for its successor.
enum WorkerNote: UInt32 {
    /// The connection that the next input is about has this descriptor (4 bytes).
    case descriptor = 1
    /// A checkpoint was recorded.
    case checkpoint = 2
}
