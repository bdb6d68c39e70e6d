public import StratumProtocol

/// A quarantine as shards exchange it.
public struct KnownQuarantine: Equatable, Sendable {
    public var until: Instant
    /// The number of recent quarantines, including this one.
    public var count: UInt8
    /// True when it is for all miners at the address without an accepted share, false when it is for one miner.
    public var isOfAddress: Bool

    public init(until: Instant, count: UInt8, isOfAddress: Bool) {
        self.until = until
        self.count = count
        self.isOfAddress = isOfAddress
    }

    /// The length of the encoded form.
    public static let byteCount = 10

    public func encode(to writer: inout BinaryWriter) {
        writer.integer(until.microseconds)
        writer.integer(count)
        writer.integer(UInt8(isOfAddress ? 1 : 0))
    }

    /// nil when the bytes are not an encoded quarantine.
    init?(written bytes: Span<UInt8>) {
        let read = bytes.withUnsafeBytes { bytes -> KnownQuarantine? in
            var reader = BinaryReader(bytes)
            guard let until = try? reader.integer(UInt64.self), let count = try? reader.integer(UInt8.self),
                let kind = try? reader.integer(in: 0...1 as ClosedRange<UInt8>, "conduct.kind")
            else { return nil }
            return KnownQuarantine(until: Instant(microseconds: until), count: count, isOfAddress: kind == 1)
        }
        guard let read else { return nil }
        self = read
    }
}

extension Shard {
    /// Identifies a miner, or the new miners at its address, in the same way in all shards.
    /// - Parameter salt: the same in all shards, and unknown to miners.
    public func conductKey(of id: MinerID, isOfAddress: Bool, salt: UInt64) -> UInt64? {
        guard let row = row(of: id) else { return nil }
        return isOfAddress ? connectionStates[row].addressKey(salt: salt) : connectionStates[row].minerKey(salt: salt)
    }

    /// The current quarantine of a miner, or of the new miners at its address, for the other shards.
    public func quarantine(of id: MinerID, isOfAddress: Bool, at now: Instant) -> KnownQuarantine? {
        guard let row = row(of: id) else { return nil }
        let record =
            isOfAddress
            ? conduct.record(of: connectionStates[row].addressKey(salt: conductSalt), at: now) : miners[row].record
        guard let record, record.isQuarantined(at: now) else { return nil }
        return KnownQuarantine(
            until: record.quarantinedUntil, count: record.quarantines, isOfAddress: isOfAddress)
    }

    /// Applies the quarantine that another shard has decided.
    mutating func learn(_ bytes: Span<UInt8>, of id: MinerID, at now: Instant) {
        guard let row = row(of: id), miners[row].phase != .awaitingLogin, let known = KnownQuarantine(written: bytes)
        else { return }
        if known.isOfAddress {
            let key = connectionStates[row].addressKey(salt: conductSalt)
            var record = conduct.record(of: key, at: now) ?? MinerRecord()
            record.learn(known)
            conduct.remember(record, of: key, at: now)
        } else {
            miners[row].record.learn(known)
            conduct.remember(miners[row].record, of: connectionStates[row].minerKey(salt: conductSalt), at: now)
        }
        if isBanned(row, at: now) { close(id, .banned, at: now) }
    }
}
