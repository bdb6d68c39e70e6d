internal import StratumProtocol

/// A job that miners work on, with the nonces submitted for it.
struct ActiveJob {
    let job: Job
    /// The id that miners get: the job's id, unless the previous job came from another pool and has the same id. Its
    /// shares would then count for this job.
    let name: JobID
    let line: JobLine
    /// The pool connection that sent it.
    var source: PoolConnectionID
    /// The nonce byte that the pool reserves, so that the job cannot be split; nil when Millrace assigns it.
    let reservedByte: UInt8?
    /// Differs between different work; the same work keeps it when it is sent again over a new connection.
    let serial: UInt32
    var seen: SeenNonces

    init(
        _ job: Job, name: JobID, from source: PoolConnectionID, reservedByte: UInt8?, serial: UInt32, seen: SeenNonces
    ) {
        self.job = job
        self.name = name
        self.source = source
        self.reservedByte = reservedByte
        self.serial = serial
        self.seen = seen
        var named = job
        named.id = name
        line = JobLine(named)
    }

    var isReserved: Bool { reservedByte != nil }

    /// Swaps its nonces with others.
    mutating func trade(_ nonces: inout SeenNonces) { swap(&seen, &nonces) }

    /// Whether the job looks the same to a miner that already has this one.
    func isSame(as job: Job, reservedByte: UInt8?) -> Bool {
        self.job.isSameWork(as: job) && self.reservedByte == reservedByte
    }
}

/// A pool connection and its nonces, which one miner has or at most 256 share.
struct Upstream {
    var index: UInt16
    /// Suspended because it has no miners. It stays in the list, because miners and events refer to upstreams by
    /// number.
    var isSuspended = true
    /// Since when it has no miner; nil while it has one.
    var emptySince: Instant?
    var space: NonceSpace
    /// The login that its pools get; nil = the operator's.
    var login: MinerLogin?
    /// Pools in a row that have refused `login`.
    var loginRefusals: UInt8 = 0
    /// Refers to pools by their place in the list.
    var choice: PoolChoice
    /// The seat of the pool that sends jobs and gets shares now. A pool that was removed from the list serves until one
    /// in the list has sent a job.
    var serving: UInt8?
    /// By seat.
    var sessions: [PoolSession]
    var current: ActiveJob?
    /// The previous job: shares for it may still come, and the pool decides on them (docs/COMPATIBILITY.md, "Shares").
    var previous: ActiveJob?
    /// When `current` came.
    var jobAt = Instant(microseconds: 0)
    /// The seat of the pool that sent its latest job.
    var lastPool: UInt8 = 0
    /// Verdicts of pools on its shares since it was opened.
    var accepted: UInt64 = 0
    var rejected: UInt64 = 0
    /// Both jobs have the same blob, and so share the nonces of the current one.
    private(set) var shareOneBlob = false
    private var lastSerial: UInt32 = 0

    init(index: UInt16, seats: Int, choice: PoolChoice, space: NonceSpace) {
        self.index = index
        self.space = space
        self.choice = choice
        sessions = [PoolSession](repeating: PoolSession(), count: seats)
    }

    /// `serving`, as an index into `sessions`.
    var activePool: Int? { serving.map { Int($0) } }

    func connection(of pool: Int) -> PoolConnectionID {
        PoolConnectionID(upstream: index, pool: UInt8(pool), generation: sessions[pool].generation)
    }

    /// It has no miner, and no share waits for a verdict: the answer to a share counts even if its miner has left.
    var isIdle: Bool { space.ownedCount == 0 && sessions.allSatisfy { $0.inFlight.count == 0 } }

    /// Whether there is room for another miner.
    /// - Parameter expectsReserved: whether to assume that the pool reserves the nonce byte while there is no job yet.
    func hasRoom(expectsReserved: @autoclosure () -> Bool) -> Bool {
        guard space.freeCount > 0, !space.isUntouched else { return space.isUntouched }
        // With a reserved byte all miners would have the same slot: the next miner can have it only after the job has
        // changed.
        return !(current?.isReserved ?? expectsReserved())
    }

    /// Replaces the current job, and decides what is kept of it.
    /// - Parameter salt: random.
    mutating func adopt(_ job: Job, from source: PoolConnectionID, isReserved: Bool, salt: UInt64) {
        let reservedByte = isReserved ? job.nonceByte : nil
        let isSameBlob = current?.job.blob == job.blob
        let name = name(for: job, from: source, reservedByte: reservedByte)
        if current?.isSame(as: job, reservedByte: reservedByte) != true { lastSerial &+= 1 }
        // The same blob with a new id or target (pools use this to change the difficulty), or the blob of the previous
        // job: its nonces are kept. They are moved, not copied, because there may be many.
        var seen = SeenNonces(salt: salt, isOfOneMiner: space.isWhole)
        if isSameBlob {
            current?.trade(&seen)
        } else if previous?.job.blob == job.blob {
            previous?.trade(&seen)
        }
        // A job of another pool is kept too, as long as that pool may get shares for it.
        previous = sessionIndex(of: current?.source) != nil ? current : nil
        shareOneBlob = isSameBlob && previous != nil
        current = ActiveJob(
            job, name: name, from: source, reservedByte: reservedByte, serial: lastSerial, seen: seen)
        // Slots searched for this blob stay dead.
        if !isSameBlob { space.freeDeadSlots() }
    }

    /// The id that miners get for a job that follows the current one.
    private func name(for job: Job, from source: PoolConnectionID, reservedByte: UInt8?) -> JobID {
        guard let former = current?.name, let pool = current?.source.pool else { return job.id }
        if current?.isSame(as: job, reservedByte: reservedByte) == true { return former }
        guard former == job.id, pool != source.pool else { return job.id }
        return JobID(job.id.text + "-") ?? JobID(former.text.hasPrefix("-") ? "0" : "-") ?? job.id
    }

    /// Remembers that a nonce was submitted for the job of this age.
    mutating func remember(_ nonce: UInt32, in age: JobAge) -> SeenNonces.Insertion {
        switch age {
        case .previous where !shareOneBlob: previous?.seen.insert(nonce) ?? .new
        case .current, .previous: current?.seen.insert(nonce) ?? .new
        }
    }

    /// The session that gets shares for the job of this age; nil when that connection is gone.
    func session(for age: JobAge) -> Int? { sessionIndex(of: age == .current ? current?.source : previous?.source) }

    /// The values of a job that a share is forwarded and counted with. (Not the job itself: copying it takes longer
    /// than everything else that a share needs of it.)
    func label(of age: JobAge) -> (jobID: JobID, difficulty: UInt64, algorithm: AlgorithmName)? {
        switch age {
        case .current: current.map { ($0.job.id, $0.job.difficulty, $0.job.algorithm) }
        case .previous: previous.map { ($0.job.id, $0.job.difficulty, $0.job.algorithm) }
        }
    }

    private func sessionIndex(of source: PoolConnectionID?) -> Int? {
        guard let source, sessions[Int(source.pool)].generation == source.generation else { return nil }
        return sessions[Int(source.pool)].isConnected ? Int(source.pool) : nil
    }

    /// A replaced pool gets shares for its job for `Limits.lateShares`; after that it only answers.
    mutating func endLateShares(at now: Instant) {
        guard let session = session(for: .previous), case .draining(let deadline) = sessions[session].phase,
            now + Limits.poolAnswer >= deadline
        else { return }
        previous = nil
        shareOneBlob = false
    }

    /// Whether the connection has answered everything, and gets no more shares.
    func isDrained(_ session: Int) -> Bool {
        guard case .draining = sessions[session].phase else { return false }
        return sessions[session].inFlight.count == 0 && self.session(for: .previous) != session
    }

    /// Deletes jobs and slots; the sessions must be closed before.
    mutating func suspend(firstSlot: UInt8) {
        isSuspended = true
        serving = nil
        current = nil
        previous = nil
        shareOneBlob = false
        space = NonceSpace(start: firstSlot, isWhole: space.isWhole)
        login = nil
        loginRefusals = 0
        choice = PoolChoice(count: choice.count, retries: choice.retries)
    }
}

// MARK: - Coding

extension Upstream {
    func encode(to writer: inout BinaryWriter) {
        writer.record { writer in
            writer.flag(isSuspended)
            writer.integer(ifGiven: emptySince?.microseconds)
            writer.flag(shareOneBlob)
            writer.integer(lastSerial)
            space.encode(to: &writer)
            choice.encode(to: &writer)
            for session in sessions { session.encode(to: &writer) }
            writer.flag(current != nil)
            current?.encode(to: &writer)
            writer.flag(previous != nil)
            previous?.encode(to: &writer)
            writer.integer(ifGiven: serving)
            writer.integer(jobAt.microseconds)
            writer.integer(lastPool)
            writer.integer(accepted)
            writer.integer(rejected)
            writer.flag(login != nil)
            login?.encode(to: &writer)
            writer.integer(loginRefusals)
        }
    }

    init(decoding reader: inout BinaryReader, index: UInt16, pools: Int, seats: [PoolSeat]) throws(DecodingFault) {
        var reader = try reader.record()
        self.index = index
        isSuspended = try reader.flag()
        emptySince = try reader.integer(ifGiven: UInt64.self).map { Instant(microseconds: $0) }
        shareOneBlob = try reader.flag()
        lastSerial = try reader.integer()
        space = try NonceSpace(decoding: &reader)
        choice = try PoolChoice(decoding: &reader, count: pools)
        sessions = []
        sessions.reserveCapacity(seats.count)
        for _ in seats { sessions.append(try PoolSession(decoding: &reader)) }
        let isWhole = space.isWhole
        current = try reader.flag() ? try ActiveJob(decoding: &reader, seats: seats.count, isWhole: isWhole) : nil
        previous = try reader.flag() ? try ActiveJob(decoding: &reader, seats: seats.count, isWhole: isWhole) : nil
        serving =
            reader.remaining > 0 ? try reader.integer(ifGiven: UInt8.self) : choice.active.map { UInt8(clamping: $0) }
        guard Int(serving ?? 0) < seats.count else { throw .badField("upstream.serving") }
        // Shares go to the active pool, for its job.
        guard serving.map({ sessions[Int($0)].phase == .active && current?.source.pool == $0 }) ?? true,
            choice.active == serving.flatMap({ seats[Int($0)].rank }).map({ Int($0) })
        else { throw .badField("upstream.active") }
        guard reader.remaining > 0 else { return }
        jobAt = Instant(microseconds: try reader.integer())
        lastPool = try reader.integer(in: 0...UInt8(seats.count - 1), "upstream.lastPool")
        accepted = try reader.integer()
        rejected = try reader.integer()
        guard reader.remaining > 0 else { return }
        login = try reader.flag() ? try MinerLogin(decoding: &reader) : nil
        loginRefusals = try reader.integer(in: 0...UInt8(Limits.poolsMax), "upstream.loginRefusals")
    }
}

extension ActiveJob {
    func encode(to writer: inout BinaryWriter) {
        writer.record { writer in
            writer.integer(source.upstream)
            writer.integer(source.pool)
            writer.integer(source.generation)
            writer.integer(ifGiven: reservedByte)
            writer.integer(serial)
            job.encode(to: &writer)
            seen.encode(to: &writer)
            writer.bytes(name)
        }
    }

    init(decoding reader: inout BinaryReader, seats: Int, isWhole: Bool) throws(DecodingFault) {
        var reader = try reader.record()
        let source = PoolConnectionID(
            upstream: try reader.integer(), pool: try reader.integer(in: 0...UInt8(seats - 1), "work.pool"),
            generation: try reader.integer())
        let reservedByte = try reader.integer(ifGiven: UInt8.self)
        let serial: UInt32 = try reader.integer()
        let job = try Job(decoding: &reader)
        let seen = try SeenNonces(decoding: &reader, isOfOneMiner: isWhole)
        let name = reader.remaining > 0 ? try reader.opaqueID("work.name") : job.id
        guard !name.isEmpty else { throw .badField("work.name") }
        self.init(job, name: name, from: source, reservedByte: reservedByte, serial: serial, seen: seen)
    }
}
