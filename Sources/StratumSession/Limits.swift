/// Every limit of a shard, each with its reason.
public enum Limits {
    /// From connecting to the login request: an honest miner sends it at once (docs/COMPATIBILITY.md, "Timers").
    public static let login = Milliseconds.seconds(10)
    /// Without a share or a keepalive (docs/COMPATIBILITY.md, "Timers"). XMRig pings every 60 s.
    public static let idle = Milliseconds.seconds(600)
    /// For a pool's TCP connection to stand.
    public static let poolConnect = Milliseconds.seconds(20)
    /// For each step until a pool has given a job (connection, login, job), where another pool could be tried instead.
    public static let poolStart = Milliseconds.seconds(8)
    /// For a pool's answer to anything that we ask: one that is silent for longer is as good as down, whatever its TCP
    /// connection says.
    public static let poolAnswer = Milliseconds.seconds(20)
    /// A first pool that is lost sooner than this after it has taken over is not to be trusted at once again: its second
    /// short stay in a row keeps it away from miners that a backup serves for `holdDown`, and each further one for twice
    /// as long, up to `holdDownMax`.
    public static let steadyStay = Milliseconds.seconds(60)
    public static let holdDown = Milliseconds.seconds(10)
    public static let holdDownMax = Milliseconds.seconds(300)
    /// A pool that has failed before it was of any use is not asked again for this long while another one is tried: a pool
    /// that logs in fast and then fails would else always be first.
    public static let rest = Milliseconds.seconds(5)
    /// Rejected shares after which a pool that has accepted none is left for another one, if they are of enough miners.
    /// One or two may have crossed a new job or difficulty.
    static let rejectionsOfNewPool: UInt8 = 3
    /// The same for a pool that has accepted a share within `acceptanceCounts`, and how long they must go on: a new block
    /// or difficulty makes the shares of many miners invalid within one round trip.
    static let rejectionsOfUsefulPool: UInt8 = 10
    static let rejectingOfUsefulPool = Milliseconds.seconds(10)
    static let acceptanceCounts = Milliseconds.seconds(60)
    /// Miners whose shares must be among the rejected ones; one less when the words do not blame the miner. All miners of
    /// an address without an accepted share are one. Where fewer mine, all of them.
    static let voicesWanted = FewKeys.countMax
    /// Miners that mine at the pool and submit nothing for this long are not waited for.
    static let sayOfSilentMiners = Milliseconds.seconds(60)
    /// For so long a pool that was left for its rejections, and has not accepted a share since, is no backup for another one
    /// that rejects shares.
    static let rejectionCounts = Milliseconds.seconds(600)
    /// A pool that bans us is left alone for `banPause`, then for twice as long each time, up to `banPauseMax`. To come
    /// back every second only prolongs a ban.
    public static let banPause = Milliseconds.seconds(15)
    public static let banPauseMax = Milliseconds.seconds(600)
    /// Refusals in a row that say that the pool does not know its current job: then the session is taken for broken. One
    /// or two may have crossed a new job.
    static let unknownJobsMax = 3
    /// Lines of a pool within `oddLinesWindow` that are not messages: more end the session. Balancers and debug
    /// output send a few.
    public static let oddLinesMax = 30
    public static let oddLinesWindow = Milliseconds.seconds(60)
    /// How often in a row a pool may send us elsewhere before a share was accepted: a loop of redirects ends.
    public static let redirectsMax = 3
    /// An upstream without miners is kept this long: they may come back.
    public static let emptyUpstream = Milliseconds.seconds(60)
    /// How often `Shard.tick` is to be called. Ten ticks visit every miner once.
    public static let tick = Milliseconds(100)
    static let ticksPerRound = 10

    /// A pool that another one has replaced takes shares of its job for so long: they were on their way, or found before
    /// the miner had read of the new one.
    public static let lateShares = Milliseconds.seconds(5)
    /// A pool that another one has replaced is hung up after so long at the latest: what came last may still be answered.
    public static let drain = Milliseconds(lateShares.count + poolAnswer.count)

    /// Pools of one configuration: half of the seats, so that a new list never takes those of the one before.
    public static let poolsMax = 128
    /// Pools of one shard, those off the list that still have connections included: a connection names its pool in 8 bits.
    public static let poolSeatsMax = 256
    /// Pool connections of one shard: 262,144 miners, far beyond the descriptors of one process. With a pool that
    /// reserves the nonce byte it is also the number of miners.
    public static let upstreamsMax = 4_096
    /// Open pool connections for a number of miners: twice what they need, and a few for what changes. Where the pool keeps the
    /// nonce byte, each miner needs its own.
    static func upstreamsAllowed(miners: Int, areReserved: Bool) -> Int {
        areReserved ? miners + 4 : 2 * ((miners + NonceSpace.size - 1) / NonceSpace.size) + 4
    }
    /// With more open ones than this they are merged again.
    static func upstreamsWanted(miners: Int) -> Int { (miners + 199) / 200 + 3 }
    /// Jobs of one pool connection: 10 at once, then 10 a second; of more only the newest is given to miners.
    static let jobInterval = Milliseconds(100)
    static let jobBurst = Milliseconds(1_000)
    /// Shares that one pool connection may owe us an answer for. 256 miners cannot honestly have more under way.
    public static let sharesInFlightMax = 65_536
    /// Places of all rings of shares in flight of one shard, as it is read: in a form they may be emptier than honest ones,
    /// so that a few bytes would claim much memory. This is some 600 MB, and 64 full ones.
    static let sharePlacesMax = 1 << 22
    /// Nonces remembered for one job, so that none goes to the pool twice: 256 miners may find 16,000 shares each.
    public static let noncesPerJobMax = 1 << 22
    /// Of these, for one slot: its part of the whole, which is 27 shares a second for ten minutes.
    public static let noncesPerSlotMax: UInt32 = 1 << 14
    /// A slot may have this many times its part while three quarters of the whole are free: a fast miner with a low
    /// difficulty is not refused for room that none of the others needs.
    static let nonceSlotStretch: UInt32 = 8
    /// What may be held of a paused miner's connection: an unfinished line, and a chunk as it is read.
    static let heldBytesMax = 128 * 1024
    /// What may be held of all connections of a shard together: unfinished lines, chunks of paused miners, and what miners said of
    /// themselves. An honest miner takes 100 to 250 bytes, so this is enough for 250,000 of them, and an eighth of what a state
    /// may take (`StateMemory`): strangers cannot make it outgrow that. Beyond it the connections that hold the most are closed.
    public static let allHeldBytesMax = 64 * 1024 * 1024
    /// Until all hold this much: enough is closed at once that the search is rare.
    static let keptBytes = allHeldBytesMax / 4 * 3
    /// Pauses for want of budget, one a second, without a share that the pool accepts: then a connection is closed.
    public static let pausesMax: UInt8 = 60
    /// The first quarantine of a miner or of the new miners of an address; each further one is twice as long, up to
    /// `quarantineMax`. What gets an address banned by pools lasts ten minutes there.
    static let quarantine = Milliseconds.seconds(600)
    static let quarantineMax = Milliseconds.seconds(6 * 3_600)
    /// With this one a miner is not let in until it ends.
    static let quarantinesMax: UInt8 = 3
    /// When the pool has accepted nothing from anybody lately, the fault may be the pool's.
    static let doubtfulQuarantine = Milliseconds.seconds(60)
    /// Refused shares of new miners at one address, after which all new miners there are quarantined.
    static let newMinersRefusedMax: UInt8 = 5
    /// Between two shares of new miners for a pool that is guarded.
    static let trialPause = Milliseconds.seconds(10)
    /// A miner's record is remembered for so long after it has gone, or after its quarantine has ended.
    static let recordLife = Milliseconds.seconds(3_600)
    /// Miners that left while the pool had their first share: as many as shares can be at pools for new miners.
    static let leftOnTrialMax = 4_096
    /// Miners of one shard. The kernel's limit on descriptors comes first; this one keeps an index in 32 bits.
    public static let minersMax = 1 << 20
    /// Names of miners in events: a million logins a second would reach it in a hundred thousand years.
    static let minerKeyMax: UInt64 = 1 << 62
}
