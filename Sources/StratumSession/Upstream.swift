internal import StratumProtocol

/// A job that miners work on, with what they have found in it.
struct ActiveJob {
    let job: Job
    /// What miners call it: its id, unless another pool's job before had the same. Theirs would be taken for ours.
    let name: JobID
    let line: JobLine
    /// The pool connection that it came from.
    var source: PoolConnectionID
    /// The nonce byte that the pool keeps for itself: the job cannot be split. nil when it is ours to give.
    let reservedByte: UInt8?
    /// Differs from one work to the next; the same work keeps it when it comes again over a new connection.
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

    /// Gives its nonces away for others.
    mutating func trade(_ nonces: inout SeenNonces) { swap(&seen, &nonces) }

    /// Whether a miner that has this one would see no difference.
    func isSame(as job: Job, reservedByte: UInt8?) -> Bool {
        self.job.isSameWork(as: job) && self.reservedByte == reservedByte
    }
}

/// One pool's worth of nonces, split among at most 256 miners.
struct Upstream {
    var index: UInt16
    /// Closed for want of miners; its place in the list is kept, because miners and events name it by number.
    var isSuspended = true
    /// Since when it has no miner; nil while it has one.
    var emptySince: Instant?
    var space: NonceSpace
    /// Names pools by their places in the list.
    var choice: PoolChoice
    /// The seat of the pool that gives jobs and takes shares now. It serves on when it was taken off the list, until one
    /// on the list has given a job.
    var serving: UInt8?
    /// By seat.
    var sessions: [PoolSession]
    var current: ActiveJob?
    /// The job before: shares for it may still come, and the pool judges them (docs/COMPATIBILITY.md, "Shares").
    var previous: ActiveJob?
    /// When `current` came.
    var jobAt = Instant(microseconds: 0)
    /// The seat of the pool that it has had its latest job from.
    var lastPool: UInt8 = 0
    /// Verdicts of pools on its shares since it was opened.
    var accepted: UInt64 = 0
    var rejected: UInt64 = 0
    /// Both jobs have one blob, and so one set of nonces: the current one's.
    private(set) var shareOneBlob = false
    private var lastSerial: UInt32 = 0

    init(index: UInt16, seats: Int, choice: PoolChoice, firstSlot: UInt8) {
        self.index = index
        space = NonceSpace(start: firstSlot)
        self.choice = choice
        sessions = [PoolSession](repeating: PoolSession(), count: seats)
    }

    /// `serving`, as an index into `sessions`.
    var activePool: Int? { serving.map { Int($0) } }

    func connection(of pool: Int) -> PoolConnectionID {
        PoolConnectionID(upstream: index, pool: UInt8(pool), generation: sessions[pool].generation)
    }

    /// Whether another miner finds room.
    /// - Parameter expectsReserved: what to assume while no job has shown whether the pool keeps the nonce byte.
    func hasRoom(expectsReserved: Bool) -> Bool {
        // A reserved byte is one slot for all: who comes next may have it only when the job has changed.
        current?.isReserved ?? expectsReserved ? space.isUntouched : space.freeCount > 0
    }

    /// Takes a new job in: decides what stays of the old one.
    /// - Parameter salt: random.
    mutating func adopt(_ job: Job, from source: PoolConnectionID, isReserved: Bool, salt: UInt64) {
        let reservedByte = isReserved ? job.nonceByte : nil
        let isSameBlob = current?.job.blob == job.blob
        let name = name(for: job, from: source, reservedByte: reservedByte)
        if current?.isSame(as: job, reservedByte: reservedByte) != true { lastSerial &+= 1 }
        // The same blob under a new name or target (pools do that to change the difficulty), or the one before again:
        // what has been found in it stays found. Moved, not copied: it may be large.
        var seen = SeenNonces(salt: salt)
        if isSameBlob {
            current?.trade(&seen)
        } else if previous?.job.blob == job.blob {
            previous?.trade(&seen)
        }
        // Another pool's work too, as long as that may be handed what was found in it.
        previous = sessionIndex(of: current?.source) != nil ? current : nil
        shareOneBlob = isSameBlob && previous != nil
        current = ActiveJob(
            job, name: name, from: source, reservedByte: reservedByte, serial: lastSerial, seen: seen)
        // What has been searched in a blob stays searched.
        if !isSameBlob { space.freeDeadSlots() }
    }

    /// What miners are to call a job that follows the current one.
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

    /// The session that shares for the job of this age go to; nil when that pool is gone.
    func session(for age: JobAge) -> Int? { sessionIndex(of: age == .current ? current?.source : previous?.source) }

    /// What a share for the job of this age is handed on and counted with. (Not the job itself: to copy it takes longer than
    /// all else that a share needs of it.)
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

    /// A pool that was replaced takes shares for its job for `Limits.lateShares`; then it only answers.
    mutating func endLateShares(at now: Instant) {
        guard let session = session(for: .previous), case .draining(let deadline) = sessions[session].phase,
            now + Limits.poolAnswer >= deadline
        else { return }
        previous = nil
        shareOneBlob = false
    }

    /// Whether the connection has answered all that it was asked, and may not be asked more.
    func isDrained(_ session: Int) -> Bool {
        guard case .draining = sessions[session].phase else { return false }
        return sessions[session].inFlight.count == 0 && self.session(for: .previous) != session
    }

    /// Forgets jobs and slots; the sessions must be closed already.
    mutating func suspend(firstSlot: UInt8) {
        isSuspended = true
        serving = nil
        current = nil
        previous = nil
        shareOneBlob = false
        space = NonceSpace(start: firstSlot)
        choice = PoolChoice(count: choice.count, retries: choice.retries)
    }
}

extension NonceSpace {
    /// Nobody owns a slot, and none is dead.
    var isUntouched: Bool { freeCount == NonceSpace.size }
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
        current = try reader.flag() ? try ActiveJob(decoding: &reader, seats: seats.count) : nil
        previous = try reader.flag() ? try ActiveJob(decoding: &reader, seats: seats.count) : nil
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

    init(decoding reader: inout BinaryReader, seats: Int) throws(DecodingFault) {
        var reader = try reader.record()
        let source = PoolConnectionID(
            upstream: try reader.integer(), pool: try reader.integer(in: 0...UInt8(seats - 1), "work.pool"),
            generation: try reader.integer())
        let reservedByte = try reader.integer(ifGiven: UInt8.self)
        let serial: UInt32 = try reader.integer()
        let job = try Job(decoding: &reader)
        let seen = try SeenNonces(decoding: &reader)
        let name = reader.remaining > 0 ? try reader.opaqueID("work.name") : job.id
        guard !name.isEmpty else { throw .badField("work.name") }
        self.init(job, name: name, from: source, reservedByte: reservedByte, serial: serial, seen: seen)
    }
}
