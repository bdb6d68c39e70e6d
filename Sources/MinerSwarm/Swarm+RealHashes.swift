internal import StratumProtocol

/// Shares with hashes that were computed: each is searched, nonce by nonce, before it is sent.
extension Swarm {
    /// Keeps what hashing needs of a job that just came.
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

    /// A share is due: its search begins, or goes on.
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

    /// The hash of one nonce is there. A miner that has something else to do by now searches its share in the new job.
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
