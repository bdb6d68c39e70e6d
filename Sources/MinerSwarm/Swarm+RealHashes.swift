internal import StratumProtocol

/// Shares with computed hashes: nonces are tried until one is found.
extension Swarm {
    /// Keeps the data of a new job that hashing needs.
    func takeWork(
        of event: SimulatedMiner.Event, in line: Span<UInt8>, on connection: MinerConnection
    ) throws(ProxyFault) {
        switch event {
        case .job, .loggedIn(hasJob: true):
            connection.work = try parser.parse(line) { root throws(ProxyFault) in try HashingWork(root) }
        case .loggedIn(hasJob: false), .loginRefused, .shareAccepted, .shareRefused, .keptAlive, .keepaliveRefused:
            break
        }
    }

    /// A share is due: its search starts or continues.
    func searchShare(on connection: MinerConnection) {
        guard let search, let work = connection.work, let part = connection.part,
            let nonce = connection.miner.takeNonce()
        else {
            meter.counts.shares.missed += 1
            return
        }
        let attempt = HashAttempt(holder: connection.id, part: part, work: work, nonce: nonce)
        connection.isSearching = search.begin(attempt)
        if !connection.isSearching { meter.counts.shares.missed += 1 }
    }

    /// Called when the hash of a nonce is ready. If the miner's job has changed, the search continues in the new job.
    func computed(_ attempt: HashAttempt, _ hashed: HashedNonce) {
        guard let connection = connection(attempt.holder) else { return }
        connection.isSearching = false
        guard !isDraining, !connection.isLeaving, let job = connection.miner.job else { return }
        if connection.part == attempt.part, hashed.meets(job) {
            sendShare(on: connection, hashed)
        } else {
            searchShare(on: connection)
        }
    }
}
