extension WorkerTable {
    struct Row: Equatable, Sendable {
        /// Ids are not reused. They increase with the rows.
        let id: UInt32
        var connections: UInt32 = 0
        let name: String
        var ip = ""
        /// The last login, share or logout.
        var lastSeenAt: UInt64 = 0
        /// Empty until its first share: most invented names never have one. An array, because its element is in the
        /// heap and is modified in place.
        private var work: [Work] = []
        /// A pool has accepted a share of it. Always true for the shared row.
        var isProven: Bool
        /// It has changed since it was last saved.
        var isUnsaved = true

        init(id: UInt32, name: String) {
            self.id = id
            self.name = name
            isProven = name == WorkerTable.othersName
        }
    }

    /// The results of a worker's shares.
    fileprivate struct Work: Equatable, Sendable {
        var accepted: UInt64 = 0
        var rejected: UInt64 = 0
        var invalid: UInt64 = 0
        var hashes: UInt64 = 0
        var lastShareAt: UInt64 = 0
        var refusals = RefusalCounts<UInt32>()
        var window = HashrateWindow()
    }
}

extension WorkerTable.Row {
    /// Heap memory without its texts and the allocator's overhead.
    var heapBytes: Int { work.first.map { MemoryLayout<WorkerTable.Work>.stride + $0.window.heapBytes } ?? 0 }

    /// - Parameter time: milliseconds since 1970, not in the future.
    mutating func settle(_ share: ShareSettled, at time: UInt64) {
        if work.isEmpty { work = [WorkerTable.Work()] }
        work[0].settle(share, at: time)
    }

    mutating func shown(at now: UInt64, servedSeconds: Double) -> Snapshot.WorkerRow {
        var row = Snapshot.WorkerRow(name: name, ip: ip)
        row.id = id
        row.connections = connections
        // After a clock that was ahead is corrected, no time may stay in the future.
        lastSeenAt = min(lastSeenAt, now)
        row.lastSeenAt = connections > 0 ? now : lastSeenAt
        if !work.isEmpty { work[0].show(in: &row, at: now, servedSeconds: servedSeconds) }
        return row
    }
}

extension WorkerTable.Work {
    fileprivate mutating func settle(_ share: ShareSettled, at time: UInt64) {
        switch share.outcome {
        case .accepted, .local:
            accepted &+= 1
            hashes.add(saturating: share.creditedDifficulty)
            lastShareAt = max(lastShareAt, time)
            window.add(share.creditedDifficulty, at: time)
        case .rejected:
            rejected &+= 1
            refusals.count(share.reason, times: share.count)
        case .invalid:
            invalid &+= UInt64(share.count)
            refusals.count(share.reason, times: share.count)
        }
    }

    fileprivate mutating func show(in row: inout Snapshot.WorkerRow, at now: UInt64, servedSeconds: Double) {
        row.accepted = accepted
        row.rejected = rejected
        row.invalid = invalid
        row.hashes = hashes
        lastShareAt = min(lastShareAt, now)
        row.lastShareAt = lastShareAt
        row.refusals = refusals
        row.hashrates = window.rates(at: now)
        row.hashrates.allTime = servedSeconds > 0 ? Double(hashes) / servedSeconds : 0
    }
}

// MARK: - Coding

extension WorkerTable.Row {
    private static let stateVersion: UInt8 = 1
    private static let unprovenMark: UInt8 = 1

    func saved() -> SavedWorker {
        let work = work.first ?? WorkerTable.Work()
        var saved = SavedWorker(id: id, name: name, ip: ip)
        saved.accepted = work.accepted
        saved.rejected = work.rejected
        saved.invalid = work.invalid
        saved.hashes = work.hashes
        saved.lastShareAt = work.lastShareAt
        saved.lastSeenAt = lastSeenAt
        var writer = ByteWriter(capacity: 64)
        writer.integer(WorkerTable.Row.stateVersion)
        work.refusals.pack(to: &writer)
        work.window.pack(to: &writer)
        // Only if the numbers suggest otherwise: accepted shares include ones that no pool received.
        if !isProven, isProvenByNumbers(work) { writer.integer(WorkerTable.Row.unprovenMark) }
        saved.state = writer.bytes
        return saved
    }

    private func isProvenByNumbers(_ work: WorkerTable.Work) -> Bool {
        work.accepted > 0 || name == WorkerTable.othersName
    }

    init(restoring saved: SavedWorker) throws(DecodingFailure) {
        guard saved.name.utf8.count <= MinerJoined.workerBytesMax, saved.ip.utf8.count <= MinerJoined.ipBytesMax else {
            throw .tooLong
        }
        self.init(id: saved.id, name: saved.name)
        ip = saved.ip
        lastSeenAt = saved.lastSeenAt
        isUnsaved = false
        var work = WorkerTable.Work()
        work.accepted = saved.accepted
        work.rejected = saved.rejected
        work.invalid = saved.invalid
        work.hashes = saved.hashes
        work.lastShareAt = saved.lastShareAt
        var reader = ByteReader(saved.state)
        try reader.version(WorkerTable.Row.stateVersion)
        work.refusals = try RefusalCounts(unpacking: &reader)
        work.window = try HashrateWindow(unpacking: &reader)
        isProven = isProvenByNumbers(work)
        if reader.remaining > 0 {
            // The encoding of a row is unique.
            guard isProven, try reader.integer(UInt8.self) == WorkerTable.Row.unprovenMark else { throw .invalidField }
            isProven = false
        }
        try reader.finish()
        if work != WorkerTable.Work() { self.work = [work] }
    }
}
