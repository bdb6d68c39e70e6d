public import StratumProtocol

extension Shard {
    // MARK: - Events of miners

    /// A connection was accepted.
    /// - Parameters:
    ///   - address: where it came from, as text.
    ///   - terms: how it begins.
    /// - Returns: its id; nil when the table is full, and it must be closed.
    public mutating func minerConnected(
        from address: String = "", on terms: ConnectionTerms = [], at now: Instant
    ) -> MinerID? {
        guard let id = nextMinerID else { return nil }
        let row = Int(id.index)
        let wire = MinerConnectionState(generation: id.generation, address: address)
        if row == miners.count {
            miners.append(MinerSession())
            connectionStates.append(wire)
        } else {
            vacant.removeLast()
            connectionStates[row] = wire
        }
        miners[row].phase = .awaitingLogin
        miners[row].terms = terms
        miners[row].awaitsHeader = terms.contains(.proxyHeader)
        miners[row].deadline = now + Limits.login
        connections += 1
        heldBytes += wire.heldBytes
        return id
    }

    /// A miner has sent a request.
    public mutating func handle(_ request: MinerRequest, from id: MinerID, at now: Instant) {
        guard let row = row(of: id) else { return }
        let isLoggedIn = miners[row].phase != .awaitingLogin
        if isLoggedIn { miners[row].requests.spend(RequestBudget.request, at: now) }
        defer { if isLoggedIn { checkBudget(of: id, at: now) } }
        switch (miners[row].phase, request) {
        case (.vacant, _):
            return
        case (.awaitingLogin, .login(let login)):
            logIn(login, id, at: now)
        case (.awaitingLogin, .submit), (.awaitingLogin, .keepalived), (.awaitingLogin, .other):
            close(id, .outOfTurn, at: now)
        case (.awaitingJob, .login), (.awaitingJob, .submit), (.awaitingJob, .other):
            close(id, .outOfTurn, at: now)
        case (.awaitingJob, .keepalived(let requestID)), (.mining, .keepalived(let requestID)):
            miners[row].deadline = now + Limits.idle
            send(to: id) { MinerReply.keepalived(id: requestID, to: &$0) }
        case (.mining, .submit(let share)):
            miners[row].deadline = now + Limits.idle
            submit(share, from: id, at: now)
        case (.mining, .login(let login)):
            send(to: id) { MinerReply.refusal(.invalidMethod, id: login.id, to: &$0) }
        case (.mining, .other(let requestID)):
            send(to: id) { MinerReply.refusal(.invalidMethod, id: requestID, to: &$0) }
        case (.awaitingLogin, .malformed(let requestID, let fault)),
            (.awaitingJob, .malformed(let requestID, let fault)), (.mining, .malformed(let requestID, let fault)):
            answer(fault, of: requestID, from: id, at: now)
        }
    }

    /// An id that is too long to be repeated only fails its request; other faults end the connection.
    private mutating func answer(_ fault: PeerFault, of requestID: RequestID, from id: MinerID, at now: Instant) {
        let (refusal, isLast): (MinerReply.Refusal, Bool) =
            switch fault {
            case .badRequestID: (.idTooLong, false)
            case .badParams: (.invalidParams, true)
            case .badMethod, .lineTooLong, .notARequest, .invalidJSON, .badField: (.invalidMethod, true)
            }
        send(to: id) { MinerReply.refusal(refusal, id: requestID, to: &$0) }
        if isLast { close(id, .answered(fault), at: now) }
    }

    /// Closes a connection that speaks another protocol. Only HTTP gets an answer, for health checks.
    mutating func turnAway(_ other: ForeignProtocol, _ id: MinerID, at now: Instant) {
        switch other {
        case .http(let isHead): send(to: id) { MinerReply.http(isHead: isHead, to: &$0) }
        case .tls, .proxyHeader: break
        }
        close(id, .foreign(other), at: now)
    }

    /// A miner has sent something that is not a request.
    public mutating func fault(_ fault: PeerFault, of id: MinerID, at now: Instant) {
        guard row(of: id) != nil else { return }
        close(id, .fault(fault), at: now)
    }

    /// A miner's connection has ended.
    public mutating func minerClosed(_ id: MinerID, at now: Instant) {
        guard row(of: id) != nil else { return }
        vacate(id, at: now)
    }

    /// The difficulty that a miner works at, for listings; nil before it has a job.
    public func difficulty(of id: MinerID) -> UInt64? {
        guard let row = row(of: id), miners[row].phase == .mining else { return nil }
        guard let job = upstreams[Int(miners[row].upstream)].current?.job else { return nil }
        return miners[row].difficulty(atPoolDifficulty: job.difficulty)
    }

    // MARK: - Login

    private mutating func logIn(_ login: LoginRequest, _ id: MinerID, at now: Instant) {
        // Compares bytes: strings of equivalent characters are not the same password.
        if let password = policy.accessPassword, login.password?.utf8.elementsEqual(password.utf8) != true {
            send(to: id) { MinerReply.refusal(.permissionDenied, id: login.id, to: &$0) }
            return close(id, .permissionDenied, at: now)
        }
        let row = Int(id.index)
        changeConnectionState(ofRow: row) { $0.introduce(login, &$1) }
        recall(row, at: now)
        if isBanned(row, at: now) {
            send(to: id) { MinerReply.refusal(.banned, id: login.id, to: &$0) }
            return close(id, .banned, at: now)
        }
        miners[row].session = random.next()
        miners[row].key = nextMinerKey
        nextMinerKey += 1
        miners[row].customDifficulty =
            CustomDifficulty.of(login: login.login, operatorsChoice: policy.customDifficulty) ?? 0
        miners[row].loginIDKind = login.id.kind
        miners[row].loginIDBits = login.id.bits
        let passesLogin = policy.passesLogins && policy.mode == .simple
        let own = passesLogin ? MinerLogin(login, passesPassword: policy.accessPassword == nil) : nil
        if let own, own.isTooLong {
            send(to: id) { MinerReply.refusal(.invalidParams, id: login.id, to: &$0) }
            return close(id, .answered(.badParams), at: now)
        }
        guard place(id, login: own, at: now) else {
            send(to: id) { MinerReply.refusal(.badGateway, id: login.id, to: &$0) }
            outbox.append(.notice(.outOfUpstreams))
            return close(id, .noUpstream, at: now)
        }
        miners[row].phase = .awaitingJob
        // The miner waits for the pool now, so the login timeout no longer applies.
        miners[row].deadline = now + Limits.idle
        giveJob(to: id)
    }

    /// Assigns a miner to a slot: in an upstream with a job, else in an open one, else in a suspended or new one. If
    /// that would be one too many, in one that is connected again, or in the dead slot in which the least was searched.
    /// - Parameters:
    ///   - login: what the upstream's pools get; nil = the operator's.
    ///   - isAllowed: whether an open upstream may be used.
    ///   - former: the miner's former nonce byte, which it must not get here because it identifies its late shares.
    mutating func place(
        _ id: MinerID, login: MinerLogin? = nil, where isAllowed: (Upstream) -> Bool = { _ in true },
        avoiding former: UInt8? = nil, at now: Instant
    ) -> Bool {
        let isWhole = policy.mode == .simple
        let openings = openings(areWhole: isWhole) { $0.login == login && isAllowed($0) }
        let found =
            openings.withPool ?? openings.connecting ?? (openings.isOneMoreAllowed ? openUpstream(at: now) : nil)
            ?? reopenedUpstream(at: now)
        if let found, let slot = upstreams[found].space.allocate(for: id, avoiding: former) {
            upstreams[found].login = login
            assign(id, to: found, slot: slot, now: now)
        } else if !isWhole, let worn = leastWornUpstream(), let slot = upstreams[worn].space.reuse(for: id) {
            assign(id, to: worn, slot: slot, now: now)
        } else {
            return false
        }
        return true
    }

    /// What there is for one more miner.
    private struct Openings {
        /// The first upstream with room that has a pool, and the first that is open.
        var withPool: Int?
        var connecting: Int?
        /// Whether another upstream may be opened. Pools limit the connections of an address, so miners that come and go
        /// must not add up.
        var isOneMoreAllowed = false
    }

    /// One pass over the upstreams, of which there may be thousands.
    /// - Parameter areWhole: those of another mode than the present one serve the miners that they have.
    private func openings(areWhole isWhole: Bool, where isRight: (Upstream) -> Bool) -> Openings {
        var (found, open, owned) = (Openings(), 0, 1)
        for index in upstreams.indices
        where !upstreams[index].isSuspended && upstreams[index].space.isWhole == isWhole {
            open += 1
            owned += upstreams[index].space.ownedCount
            guard found.withPool == nil, upstreams[index].hasRoom(expectsReserved: expectsReserved) else { continue }
            let hasPool = upstreams[index].activePool != nil
            guard hasPool || found.connecting == nil, isRight(upstreams[index]) else { continue }
            if hasPool { found.withPool = index } else { found.connecting = index }
        }
        found.isOneMoreAllowed = open < Limits.upstreamsAllowed(miners: owned, eachItsOwn: needsOneForEach)
        return found
    }

    private mutating func assign(_ id: MinerID, to upstream: Int, slot: UInt8, now: Instant) {
        upstreams[upstream].emptySince = nil
        miners[Int(id.index)].assign(to: UInt16(upstream), slot: slot, now: now)
    }

    /// Whether each miner needs an upstream of its own.
    public var needsOneForEach: Bool { policy.mode == .simple || expectsReserved }

    /// The upstream that has been without a miner for the longest time, connected again: its nonces were searched.
    private mutating func reopenedUpstream(at now: Instant) -> Int? {
        guard needsOneForEach else { return nil }
        var longest: (upstream: Int, since: Instant)?
        for index in upstreams.indices where !upstreams[index].isSuspended && upstreams[index].isIdle {
            guard let since = upstreams[index].emptySince, since < longest?.since ?? .never else { continue }
            longest = (index, since)
        }
        guard let longest else { return nil }
        suspendUpstream(longest.upstream, at: now)
        return openUpstream(at: now)
    }

    private mutating func leastWornUpstream() -> Int? {
        var found: (upstream: Int, wear: UInt16)?
        for index in upstreams.indices where upstreams[index].serving != nil {
            guard upstreams[index].current?.isReserved == false, !upstreams[index].space.isWhole,
                let slot = upstreams[index].space.leastWorn()
            else { continue }
            let wear = upstreams[index].space.wear(of: slot)
            if wear < found?.wear ?? .max { found = (index, wear) }
        }
        return found?.upstream
    }

    /// Sends a miner the job of its upstream, if there is one: in the login reply if that was not sent yet.
    ///
    /// The same job (which a pool may send again after a reconnect) is not repeated: XMRig treats that as a fault and
    /// disconnects.
    mutating func giveJob(to id: MinerID) {
        let row = Int(id.index)
        let upstream = Int(miners[row].upstream)
        guard upstreams[upstream].activePool != nil, let work = upstreams[upstream].current else { return }
        guard miners[row].workSerial != work.serial else { return }
        let isWhole = upstreams[upstream].space.isWhole
        miners[row].recordJob(work.serial, nonceByte: work.reservedByte ?? miners[row].slot)
        let share = JobShare(
            nonceByte: work.isReserved || isWhole ? nil : miners[row].slot,
            customDifficulty: miners[row].effectiveCustomDifficulty(atPoolDifficulty: work.job.difficulty))
        switch miners[row].phase {
        case .vacant, .awaitingLogin:
            preconditionFailure("a miner without login has no slot")
        case .mining:
            send(to: id) { MinerReply.job(work.line, for: share, to: &$0) }
        case .awaitingJob:
            let extensions = MinerReply.Extensions(
                algo: policy.offersAlgoExtension, nicehash: !isWhole || work.isReserved)
            let miner = miners[row]
            let requestID = loginRequestID(ofRow: row)
            send(to: id) {
                MinerReply.login(
                    id: requestID, session: miner.session, job: work.line, for: share,
                    extensions: extensions, to: &$0)
            }
            miners[row].phase = .mining
            minersNow += 1
            outbox.append(.joined(id, key: miner.key))
        }
    }

    func loginRequestID(ofRow row: Int) -> RequestID {
        let kind = miners[row].loginIDKind
        let text = kind == .text ? connectionStates[row].loginIDText(agents) : RequestID.Text()
        return RequestID(kind, bits: miners[row].loginIDBits, text: text) ?? .null
    }

    // MARK: - Ends

    mutating func close(_ id: MinerID, _ reason: CloseReason, at now: Instant) {
        endRecords(of: id, with: reason.alert)
        outbox.append(.closeMiner(id, reason))
        vacate(id, at: now)
    }

    /// Removes a miner from the table; its slot is dead until the next blob.
    private mutating func vacate(_ id: MinerID, at now: Instant) {
        let row = Int(id.index)
        switch miners[row].phase {
        case .vacant: return
        case .awaitingLogin: break
        case .awaitingJob: leaveSlot(of: id, at: now)
        case .mining:
            remember(row, at: now)
            leaveSlot(of: id, at: now)
            minersNow -= 1
            outbox.append(.left(id, key: miners[row].key))
        }
        vacateRow(row)
    }

    mutating func vacateRow(_ row: Int) {
        let generation = miners[row].generation &+ 1
        heldBytes -= connectionStates[row].heldBytes
        miners[row] = MinerSession()
        miners[row].generation = generation
        connectionStates[row].framer = LineFramer(lineBytesMax: LineFramer.minerLineBytesMax)
        connectionStates[row].transport = .plain
        vacant.append(UInt32(row))
        connections -= 1
    }

    private mutating func leaveSlot(of id: MinerID, at now: Instant) {
        if miners[Int(id.index)].record.isProven { newConnections.refund(Limits.newConnectionInterval) }
        let upstream = Int(miners[Int(id.index)].upstream)
        let slot = miners[Int(id.index)].slot
        guard upstreams[upstream].space[slot] == .owned(id) else { return }
        let miner = miners[Int(id.index)]
        upstreams[upstream].space.release(
            slot, wasSearched: miner.workSerial != 0,
            wear: NonceSpace.wear(
                held: now.microseconds(since: max(miner.placedAt, upstreams[upstream].jobAt)),
                hasSubmitted: miner.hasSubmitted))
        if upstreams[upstream].space.ownedCount == 0 { upstreams[upstream].emptySince = now }
    }

    /// The table row of a connection; nil when the id is outdated.
    func row(of id: MinerID) -> Int? {
        let row = Int(id.index)
        guard row < miners.count, miners[row].generation == id.generation, miners[row].phase != .vacant else {
            return nil
        }
        return row
    }
}
