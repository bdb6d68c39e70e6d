/// All limits of a shard, each with its reason.
public enum Limits {
    /// From connecting to the login request: an honest miner sends it at once (docs/COMPATIBILITY.md, "Timers").
    public static let login = Milliseconds.seconds(10)
    /// From the TLS hello to the end of the handshake; a login then has its own time. Twice a login's, because the
    /// handshakes of a crowd wait for one another.
    public static let handshake = Milliseconds.seconds(20)
    /// Without a share or a keepalive (docs/COMPATIBILITY.md, "Timers"). XMRig sends a keepalive every 60 s.
    public static let idle = Milliseconds.seconds(600)
    /// For connecting to a pool over TCP.
    public static let poolConnect = Milliseconds.seconds(20)
    /// For each step until a pool has sent a job (connection, login, job), when another pool could be tried instead.
    public static let poolStart = Milliseconds.seconds(8)
    /// For a pool's answer to any request: a pool that is silent for longer is as good as down, whatever its TCP
    /// connection says.
    public static let poolAnswer = Milliseconds.seconds(20)
    /// A stay of the first pool that ends sooner than this is short. After the second short stay in a row the first
    /// pool is not used for `holdDown` while a backup serves, and after each further one for twice as long, up to
    /// `holdDownMax`.
    public static let steadyStay = Milliseconds.seconds(60)
    public static let holdDown = Milliseconds.seconds(10)
    public static let holdDownMax = Milliseconds.seconds(300)
    /// A pool that fails before it was of any use is not tried again for this long while another one is tried.
    /// Otherwise a pool that logs in fast and then fails would always be first.
    public static let rest = Milliseconds.seconds(5)
    /// Rejected shares after which a pool that has accepted none is left for another one, if they are of enough miners.
    /// One or two can be due to a new job or difficulty.
    static let rejectionsOfNewPool: UInt8 = 3
    /// The same for a pool that has accepted a share within `acceptanceCounts`, and how long the rejections must
    /// continue: a new block or difficulty makes the shares of many miners invalid within one round trip.
    static let rejectionsOfUsefulPool: UInt8 = 10
    static let rejectingOfUsefulPool = Milliseconds.seconds(10)
    static let acceptanceCounts = Milliseconds.seconds(60)
    /// Miners whose shares must be among the rejected ones; one less when the pool's text does not blame the miner. All
    /// miners of an address without an accepted share count as one. If fewer miners use the pool, all of them.
    static let voicesWanted = FewKeys.countMax
    /// After this time, miners at the pool that have submitted nothing no longer need to agree.
    static let sayOfSilentMiners = Milliseconds.seconds(60)
    /// How long a pool that was left for its rejections does not count as a backup for another pool that rejects
    /// shares. A share that it accepts ends this time.
    static let rejectionCounts = Milliseconds.seconds(600)
    /// A pool that bans this proxy is left alone for `banPause`, then for twice as long each time, up to `banPauseMax`:
    /// reconnecting every second only prolongs a ban.
    public static let banPause = Milliseconds.seconds(15)
    public static let banPauseMax = Milliseconds.seconds(600)
    /// Refusals in a row which say that the pool does not know its current job: then the session counts as broken. One
    /// or two can be due to a new job.
    static let unknownJobsMax = 3
    /// Lines of a pool within `oddLinesWindow` that are not messages: more end the session. Balancers and debug output
    /// send a few.
    public static let oddLinesMax = 30
    public static let oddLinesWindow = Milliseconds.seconds(60)
    /// Redirects of a pool in a row without an accepted share: this ends a loop of redirects.
    public static let redirectsMax = 3
    /// How long an upstream without miners is kept: they may come back.
    public static let emptyUpstream = Milliseconds.seconds(60)
    /// The interval of `Shard.tick`. Ten ticks visit every miner once.
    public static let tick = Milliseconds(100)
    static let ticksPerRound = 10

    /// How long a replaced pool still gets shares for its job: they were on their way, or were found before the miner
    /// had read the new job.
    public static let lateShares = Milliseconds.seconds(5)
    /// How long the connection to a replaced pool is kept at most: the last shares may still be answered.
    public static let drain = Milliseconds(lateShares.count + poolAnswer.count)

    /// Pools of one configuration: half of the seats, so that a new list never needs those of the previous one.
    public static let poolsMax = 128
    /// Pools of one shard, including those that are not in the list any more but have connections: a connection
    /// identifies its pool with 8 bits.
    public static let poolSeatsMax = 256
    /// Pool connections of one shard. In simple mode, and with a pool that reserves the nonce byte, it is also the number
    /// of miners.
    public static let upstreamsMax = 16_384
    /// Open pool connections for a number of miners: twice as many as they need, and a few for changes. In simple mode,
    /// and if the pool reserves the nonce byte, each miner needs its own; the few are idle ones.
    static func upstreamsAllowed(miners: Int, eachItsOwn: Bool) -> Int {
        eachItsOwn ? miners + idleUpstreamsMax : 2 * ((miners + NonceSpace.splitSize - 1) / NonceSpace.splitSize) + 4
    }
    /// Pool connections without a miner, while each miner needs its own. Pools limit the connections of an address, so
    /// miners that come and go must not add up. When there are more, the one that was idle longest is made again.
    static let idleUpstreamsMax = 64
    /// While each miner needs its own pool connection: how many are made at once, and one for each further interval.
    /// Miners that come and go must not make a pool ban this proxy. A miner with an accepted share that leaves gives
    /// back what its successor needs.
    static let newConnectionBurst = Milliseconds(4_096 * newConnectionInterval.count)
    static let newConnectionInterval = Milliseconds(50)
    /// Between the attempts of two upstreams at a pool that failed for all of them at once: from the 64th on.
    static let retrySpread = Milliseconds(2)
    static let upstreamsWithoutSpread = 64
    /// With more open pool connections than this, they are merged.
    static func upstreamsWanted(miners: Int) -> Int { (miners + 199) / 200 + 3 }
    /// Jobs of one pool connection: 10 at once, then 10 per second. If there are more, miners get only the newest.
    static let jobInterval = Milliseconds(100)
    static let jobBurst = Milliseconds(1_000)
    /// Shares of one pool connection without an answer. 256 miners cannot honestly have more in flight.
    public static let sharesInFlightMax = 65_536
    /// Ring entries for shares in flight in all pool connections of one shard. Rings in a corrupt state could be
    /// emptier than real ones, so that a few bytes would claim much memory. This is about 600 MB, or 64 full rings.
    static let sharePlacesMax = 1 << 22
    /// Nonces remembered for one job, so that none is sent to the pool twice: 256 miners can find 16,000 shares each.
    public static let noncesPerJobMax = 1 << 22
    /// Of these, for one slot: its part of the total, or 27 shares per second for ten minutes.
    public static let noncesPerSlotMax: UInt32 = 1 << 14
    /// A slot may have this many times its part while three quarters of the total are free: a fast miner with a low
    /// difficulty is not refused for room that no other miner needs.
    static let nonceSlotStretch: UInt32 = 8
    /// Bytes held for the connection of a paused miner: an unfinished line, and one chunk as it is read.
    static let heldBytesMax = 128 * 1024
    /// Bytes held for all connections of a shard together: unfinished lines, chunks of paused miners, and login data.
    /// An honest miner takes 100 to 250 bytes, so this is enough for 250,000 of them. It is an eighth of the size limit
    /// of a state (`StateMemory`), so strangers cannot make a state exceed that. Beyond it the connections that hold
    /// the most are closed.
    public static let allHeldBytesMax = 64 * 1024 * 1024
    /// Connections are closed until all together hold this much: enough at once that the search is rare.
    static let keptBytes = allHeldBytesMax / 4 * 3
    /// Pauses for exceeding the budget, one per second, without a share that the pool accepts; then the connection is
    /// closed.
    public static let pausesMax: UInt8 = 60
    /// The first quarantine of a miner or of the new miners of an address; each further one is twice as long, up to
    /// `quarantineMax`. A pool's ban of an address lasts ten minutes too.
    static let quarantine = Milliseconds.seconds(600)
    static let quarantineMax = Milliseconds.seconds(6 * 3_600)
    /// With this quarantine a miner is banned until it ends.
    static let quarantinesMax: UInt8 = 3
    /// The quarantine while none of the pool's last verdicts is an acceptance: the fault may be the pool's.
    static let doubtfulQuarantine = Milliseconds.seconds(60)
    /// Rejected shares of new miners at one address after which all new miners there are quarantined.
    static let newMinersRefusedMax: UInt8 = 5
    /// Between two shares of new miners for a guarded pool.
    static let trialPause = Milliseconds.seconds(10)
    /// How long a miner's record is kept after the miner has disconnected, or after its quarantine has ended.
    static let recordLife = Milliseconds.seconds(3_600)
    /// Miners that disconnected while the pool had their first share: as many as new miners can have shares at pools.
    static let leftOnTrialMax = 4_096
    /// Miners of one shard. The kernel's limit on descriptors is reached first; this one keeps an index within 32 bits.
    public static let minersMax = 1 << 20
    /// Keys of miners in events: a million logins per second would reach it in a hundred thousand years.
    static let minerKeyMax: UInt64 = 1 << 62
}
