internal import StratumProtocol

/// A job that miners work on, with what they have found in it.
struct Work {
    let job: Job
    let line: JobLine
    /// The pool connection that it came from.
    let source: PoolConnectionID
    /// The nonce byte that the pool keeps for itself: the job cannot be split. nil when it is ours to give.
    let reservedByte: UInt8?
    var seen: SeenNonces

    var isReserved: Bool { reservedByte != nil }
}

/// One pool's worth of nonces, split among at most 256 miners.
struct Upstream {
    let index: UInt16
    /// Closed for want of miners; its place in the list is kept, because miners and events name it by number.
    var isSuspended = true
    /// Since when it has no miner; nil while it has one.
    var emptySince: Instant?
    var space: NonceSpace
    var choice: PoolChoice
    var sessions: [PoolSession]
    var current: Work?
    /// The job before: shares for it may still come, and the pool judges them (behaviour.md §4).
    var previous: Work?

    init(index: UInt16, pools: Int, retries: Int, firstSlot: UInt8) {
        self.index = index
        space = NonceSpace(start: firstSlot)
        choice = PoolChoice(count: pools, retries: retries)
        sessions = [PoolSession](repeating: PoolSession(), count: pools)
    }

    /// The pool that gives jobs and takes shares now.
    var activePool: Int? { choice.active }

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
    mutating func adopt(_ job: Job, from source: PoolConnectionID, isReserved: Bool) {
        let isSameBlob = current?.job.blob == job.blob
        // The same blob under a new name or target (pools do that to change the difficulty): what has been searched
        // and found in it stays searched and found.
        let seen = isSameBlob ? current?.seen ?? SeenNonces() : SeenNonces()
        previous = current?.source == source ? current : nil
        current = Work(
            job: job, line: JobLine(job), source: source, reservedByte: isReserved ? job.nonceByte : nil, seen: seen)
        if !isSameBlob { space.freeDeadSlots() }
    }

    /// Forgets jobs and slots; the sessions must be closed already.
    mutating func suspend(firstSlot: UInt8) {
        isSuspended = true
        current = nil
        previous = nil
        space = NonceSpace(start: firstSlot)
        choice = PoolChoice(count: choice.count, retries: choice.retries)
    }
}

extension NonceSpace {
    /// Nobody owns a slot, and none is dead.
    var isUntouched: Bool { freeCount == NonceSpace.size }
}
