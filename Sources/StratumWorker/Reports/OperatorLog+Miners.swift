internal import DaemonKit
internal import Logging
internal import StratumProtocol
internal import StratumSession
internal import TLSRecords

/// Log lines about miners and their shares. A share only increments counters; with `--verbose`, ten shares a second are
/// logged.
extension OperatorLog {
    /// A summary is a warning when at least this many shares were refused and none was accepted.
    private static let alarmingCount = 10

    /// - Parameters:
    ///   - ip: the address of the miner.
    ///   - worker: its name for the log (`MinerNaming.logName`).
    ///   - pool: the pool that accepted the share.
    mutating func settled(
        _ share: SettledShare, ip: @autoclosure () -> String?, worker: @autoclosure () -> String? = nil,
        pool: @autoclosure () -> String
    ) {
        switch share.outcome {
        case .accepted:
            accept(share, ip: ip(), pool: pool())
        case .local:
            accept(share, ip: ip(), pool: nil)
        case .rejected:
            refusedTotal += 1
        case .invalid(let refusal):
            refuse(refusal, of: share.miner, ip: ip(), worker: worker(), ["difficulty": "\(share.difficulty)"])
        case .poolLost:
            refuse(.badGateway, of: share.miner, ip: ip(), worker: worker(), ["difficulty": "\(share.difficulty)"])
        }
    }

    /// A share of a connection without login was refused. It is not counted for any miner.
    mutating func unauthenticated(
        _ miner: MinerID, ip: @autoclosure () -> String?, worker: @autoclosure () -> String? = nil
    ) {
        refuse(.unauthenticated, of: miner, ip: ip(), worker: worker(), [:])
    }

    private mutating func accept(
        _ share: SettledShare, ip: @autoclosure () -> String?, pool: @autoclosure () -> String?
    ) {
        acceptedTotal += 1
        refused.countAccepted()
        guard tellsDetails, acceptances.mayTell() else { return }
        log.debug(
            """
            accepted (\(acceptedTotal)/\(refusedTotal)) diff \(share.creditedDifficulty) \(ip() ?? "gone") \
            \(share.latencyMicroseconds / 1_000) ms
            """,
            metadata: pool().map { ["pool": "\($0)"] })
    }

    private mutating func refuse(
        _ refusal: MinerReply.Refusal, of miner: MinerID, ip: @autoclosure () -> String?,
        worker: @autoclosure () -> String?, _ details: @autoclosure () -> Logger.Metadata
    ) {
        refusedTotal += 1
        if case .badGateway = refusal { refusedWithoutPool += 1 }
        guard refused.count(refusal, of: miner) else { return }
        var metadata = details()
        metadata["ip"] = "\(ip() ?? "gone")"
        metadata["worker"] = worker().map { "\($0)" }
        log.notice("refused a share: \"\(refusal.text)\"", metadata: metadata)
    }

    /// - Parameter address: the miner's address, after its worker name if there is one; nil when it is no longer known.
    mutating func tellRefusedShares(address: (MinerID) -> String?) {
        guard let summary = refused.secondPassed() else { return }
        let reasons = summary.reasons.map { OperatorLog.text($0, address) }.joined(separator: ", ")
        let isAlarming = summary.accepted == 0 && summary.refused >= OperatorLog.alarmingCount
        log.log(
            level: isAlarming ? .warning : .notice,
            """
            refused \(counted(summary.refused, "share")) in the last \(RefusedShares.period) s, \
            accepted \(summary.accepted == 0 ? "none" : "\(summary.accepted)"): \(reasons)
            """)
    }

    /// Such as "low difficulty share 1200 (mostly 192.0.2.7)".
    private static func text(_ reason: RefusedShares.Summary.Reason, _ address: (MinerID) -> String?) -> String {
        var counts: [String: Int] = [:]
        for (miner, count) in reason.miners {
            if let address = address(miner) { counts[address, default: 0] += count }
        }
        let text = "\(reason.refusal.text.description.lowercased()) \(reason.count)"
        guard let most = counts.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }) else { return text }
        return text + (most.value == reason.count ? " (\(most.key))" : " (mostly \(most.key))")
    }

    // MARK: - Logins and disconnects, with `--verbose`

    mutating func joined(_ miner: @autoclosure () -> MinerIntroduction?, miners: Int) {
        guard tellsDetails, arrivals.mayTell(), let miner = miner() else { return }
        log.info(
            "a miner logged in",
            metadata: ["ip": "\(miner.address)", "agent": "\(miner.agent ?? "none")", "miners": "\(miners)"])
    }

    mutating func left(_ ip: @autoclosure () -> String?, miners: Int) {
        guard tellsDetails, departures.mayTell() else { return }
        log.info("a miner disconnected", metadata: ["ip": "\(ip() ?? "gone")", "miners": "\(miners)"])
    }

    // MARK: - Quarantines and pool guards

    mutating func tellConduct(_ news: ShardNotice, miner: (MinerID) -> String?, worker: (MinerID) -> String?) {
        switch news {
        case .quarantined(let id, let length):
            guard quarantines.mayTell() else { return }
            var details: Logger.Metadata = ["ip": "\(miner(id) ?? "gone")"]
            if let worker = worker(id) { details["worker"] = "\(worker)" }
            log.warning(
                """
                the pool rejects the shares of a miner: not forwarding its shares for \(OperatorLog.minutes(length)); \
                check its hardware, overclocking and algorithm
                """, metadata: details)
        case .addressQuarantined(let id, let length):
            guard quarantines.mayTell() else { return }
            log.warning(
                """
                the pool rejects the shares of new miners at one address: forwarding only miners with accepted shares \
                from there for \(OperatorLog.minutes(length))
                """, metadata: ["ip": "\(miner(id) ?? "gone")"])
        case .poolGuarded(let connection, let refused, let count):
            log.warning(
                """
                \(name(connection)) rejected \(refused) of the last \(count) shares, and may ban this proxy: \
                forwarding only miners with accepted shares
                """)
        case .poolGuardEnded(let connection):
            log.notice("\(name(connection)) accepts shares again: forwarding all miners")
        case .poolRejects(let connection, let count):
            log.warning(
                """
                \(name(connection)) rejects every share, \(count) in a row, and no other pool is usable: check user, \
                pass and algo of the pool, or add a backup to "pools"
                """)
        default: break
        }
    }

    private static func minutes(_ length: Milliseconds) -> String {
        counted(Int(clamping: (length.count + 59_999) / 60_000), "minute")
    }

    // MARK: - Closed connections

    /// The shard closed a connection.
    /// - Parameters:
    ///   - ip: the miner's address.
    ///   - port: the local port of the connection.
    ///   - balancer: the address at the other end of the connection.
    ///   - now: milliseconds since 1970.
    mutating func closed(
        _ ip: @autoclosure () -> String?, port: @autoclosure () -> UInt16?, _ reason: CloseReason,
        balancer: @autoclosure () -> String? = nil, at now: UInt64
    ) {
        if case .foreign(let other) = reason {
            return tell(other, ip() ?? "?", port: port() ?? 0, balancer: balancer(), at: now)
        }
        if case .proxyHeader(let fault) = reason {
            return tell(fault, ip() ?? balancer() ?? "?", port: port() ?? 0, at: now)
        }
        if case .memory = reason { warnOfMemory(at: now) }
        let level: Logger.Level
        if case .noUpstream = reason {
            level = .debug  // has a line of its own
        } else {
            level = dismissals.mayTell() ? .info : .debug
        }
        guard level == .info || tellsDetails else { return }
        log.log(level: level, "\(OperatorLog.text(reason))", metadata: ["ip": "\(ip() ?? "?")"])
    }

    /// A handshake of a miner has failed.
    mutating func handshakeFailed(_ ip: @autoclosure () -> String?, _ reason: String) {
        let level: Logger.Level = dismissals.mayTell() ? .info : .debug
        guard level == .info || tellsDetails else { return }
        log.log(level: level, "a TLS handshake with a miner failed: \(reason)", metadata: ["ip": "\(ip() ?? "?")"])
    }

    /// A miner wants TLS, which is configured, but there is no usable certificate.
    mutating func cannotUseTLS(_ ip: @autoclosure () -> String?, port: UInt16?, at now: UInt64) {
        guard tlsHint.isDue(at: now) else { return }
        log.warning(
            """
            a miner at \(ip() ?? "?") uses TLS at port \(port ?? 0), but the certificate cannot be used: see the error \
            at the start, and correct the files of "tls"
            """)
    }

    private static func text(_ reason: CloseReason) -> String {
        switch reason {
        case .permissionDenied: "refused a login: wrong access password"
        case .notNicehashCapable: "disconnected a miner: it ignores its nonce byte (is it NiceHash compatible?)"
        case .loginTimeout: "closed a connection: no login within \(Limits.login.count / 1_000) s"
        case .tls(.handshakeTimeout):
            "closed a connection: no TLS handshake within \(Limits.handshake.count / 1_000) s"
        case .idleTimeout: "disconnected a miner: it sent nothing for \(Limits.idle.count / 1_000) s"
        case .fault(let fault), .answered(let fault): "disconnected a miner: it sent \(fault.text)"
        case .foreign, .proxyHeader: "closed a connection: its protocol is not Stratum"
        case .memory(let held): "disconnected a miner: its buffers held \(held) bytes, the most of all connections"
        case .tls(.required): "closed a connection: it speaks without TLS to an address with \"tls\": true"
        case .tls(.alert(let alert)): "a miner has ended TLS with the alert \(alert.text)"
        case .tls(.fault(let fault)): "disconnected a miner: it broke the TLS protocol (\(fault.alert.text))"
        case .outOfTurn: "disconnected a miner: it sent a request before the login"
        case .noUpstream: "disconnected a miner: no pool connection available"
        case .poolRefusedLogin(let text): "refused a login: the pool refused it (\(text))"
        case .banned: "refused a login: the miner is banned, because the pool rejected too many of its shares"
        case .flooding:
            """
            disconnected a miner: for \(Limits.pausesMax) s it exceeded its request limit without an accepted share
            """
        }
    }

    private mutating func tell(
        _ other: ForeignProtocol, _ ip: String, port: UInt16, balancer: String?, at now: UInt64
    ) {
        switch other {
        case .http:
            guard tellsDetails else { return }
            log.debug("answered an HTTP request", metadata: ["ip": "\(ip)", "port": "\(port)"])
        case .tls:
            guard tlsHint.isDue(at: now) else { return }
            log.warning(
                """
                a miner at \(ip) uses TLS, but port \(port) is plain TCP: turn TLS on in the configuration ("tls"), or off \
                in the miner ("tls": false)
                """)
        case .proxyHeader:
            guard proxyHint.isDue(at: now) else { return }
            log.warning(
                """
                a load balancer at \(balancer ?? ip) sends a PROXY protocol header, but port \(port) does not accept \
                it from there: list its address in "proxy-protocol" of the bind, or turn it off there (HAProxy: no \
                send-proxy; nginx: proxy_protocol off)
                """)
        }
    }

    /// The buffers of all connections together exceeded the limit.
    private mutating func warnOfMemory(at now: UInt64) {
        memoryCount += 1
        guard memoryHint.isDue(at: now) else { return }
        log.warning(
            """
            closed \(counted(memoryCount, "connection")) with the largest buffers: unfinished requests and login names \
            of all connections exceed \(Limits.allHeldBytesMax >> 20) MiB
            """)
        memoryCount = 0
    }

    /// A balancer that "proxy-protocol" lists sent no PROXY header, or an invalid one.
    private mutating func tell(_ fault: ProxyHeaderFault, _ ip: String, port: UInt16, at now: UInt64) {
        badHeaderCount += 1
        guard badHeaderHint.isDue(at: now) else { return }
        let remedy =
            switch fault {
            case .missing, .incomplete:
                """
                turn it on there (HAProxy: send-proxy-v2; nginx: proxy_protocol on), or remove the address from \
                "proxy-protocol" of the bind
                """
            case .malformed, .tooLong: "check its configuration"
            }
        log.warning(
            """
            closed \(counted(badHeaderCount, "connection")) from balancers that "proxy-protocol" lists: the latest, \(ip) \
            at port \(port), sent \(fault.text); \(remedy)
            """)
        badHeaderCount = 0
    }
}
