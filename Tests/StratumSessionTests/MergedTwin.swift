import StratumProtocol
import Testing

@testable import StratumSession

/// One shard that has absorbed another, beside the two that it was made of: whatever happens to either of them happens to it
/// too, and it has to decide the same.
///
/// Not the same are the names, the news for the operator, and who is placed where from then on: so nobody may come.
final class MergedTwin {
    /// What one of the two sees; before the twin is there it sees nothing.
    final class Face: ShardWitness {
        fileprivate weak var twin: MergedTwin?
        fileprivate var absorption: Absorption?
        /// Of pool connections that were dialled since.
        fileprivate var dialled: [PoolConnectionID: PoolConnectionID] = [:]

        func begins(_ shard: borrowing Shard, at now: Instant) {}

        func happens(_ input: ShardInput, _ bytes: [UInt8], at now: Instant) {
            twin?.take(input, bytes, self, at: now)
        }

        func decides(_ outbox: Outbox, _ shard: borrowing Shard, at now: Instant) { twin?.decides(outbox, self) }

        fileprivate func key(_ key: UInt64, of id: MinerID) -> UInt64 { absorption?.key(of: id) ?? key }

        fileprivate func upstream(_ number: UInt16) -> UInt16 {
            name(PoolConnectionID(upstream: number, pool: .max, generation: 0)).upstream
        }

        fileprivate func name(_ id: MinerID) -> MinerID { absorption == nil ? id : absorption?.name(of: id) ?? id }

        /// A share's miner that has left before the absorption has no name.
        fileprivate func owner(_ id: MinerID) -> MinerID {
            guard let absorption else { return id }
            return absorption.name(of: id) ?? MinerID(index: .max, generation: .max)
        }

        fileprivate func name(_ id: PoolConnectionID) -> PoolConnectionID {
            dialled[id] ?? absorption?.name(of: id) ?? id
        }
    }

    private var shard: Shard
    private let pair: [ShardHarness]
    private let faces: [Face]
    private let parser = JSONParser()
    private var expected = Decisions()
    private var actual = Decisions()
    /// Both sides tick one after the other, and it only once.
    private var ticks = 0
    private(set) var inputs = 0
    private(set) var differences: [String] = []
    let sharesMoved: Int
    let minersMoved: Int

    init(_ pair: [ShardHarness], _ faces: [Face]) throws {
        self.pair = pair
        self.faces = faces
        shard = try read(written(pair[0].shard))
        let other = try read(written(pair[1].shard))
        sharesMoved = other.sharesInFlight
        minersMoved = other.minersNow
        let mining = pair[1].shard.minerIDs.filter { pair[1].shard.joinedKey(of: $0) != nil }
        faces[1].absorption = try shard.absorb(other)
        var outbox = Outbox()
        shard.takeOutbox(replacingWith: &outbox)
        let joined = outbox.commands.map { if case .moved(let id, _) = $0 { id } else { nil as MinerID? } }
        #expect(joined == mining.map { faces[1].name($0) })
        for face in faces { face.twin = self }
    }

    // MARK: - What happens

    private func take(_ input: ShardInput, _ bytes: [UInt8], _ face: Face, at now: Instant) {
        inputs += 1
        let renamed: ShardInput
        switch input {
        case .minerBytes(let id): renamed = .minerBytes(face.name(id))
        case .minerSecured(let id): renamed = .minerSecured(face.name(id))
        case .minerClosed(let id): renamed = .minerClosed(face.name(id))
        case .poolConnected(let id): renamed = .poolConnected(face.name(id))
        case .poolBytes(let id): renamed = .poolBytes(face.name(id))
        case .poolClosed(let id): renamed = .poolClosed(face.name(id))
        case .poolNotKept(let id): renamed = .poolNotKept(face.name(id))
        case .conduct(let id): renamed = .conduct(face.name(id))
        case .tick:
            // The second one's time has come when it has decided too.
            ticks += 1
            guard ticks == 1 else { return }
            renamed = .tick
        case .start, .minerConnected, .policy, .release, .note:
            return differences.append("\(inputs): \(input)")
        }
        do throws(ReplayFault) {
            try shard.apply(renamed, bytes.span, with: parser, at: now)
        } catch {
            differences.append("\(inputs): \(input) does not fit")
        }
    }

    private func decides(_ outbox: Outbox, _ face: Face) {
        var mine = Outbox()
        shard.takeOutbox(replacingWith: &mine)
        actual.add(mine)
        for case .dial(let id) in mine.commands {
            // The same upstream's, of whichever side: it is told apart by what that one dials.
            unclaimed.append(id)
        }
        for case .dial(let id) in outbox.commands {
            let place = face.absorption?.name(of: id) ?? id
            guard let index = unclaimed.firstIndex(where: { $0.upstream == place.upstream && $0.pool == place.pool })
            else {
                differences.append("\(inputs): a dial that the twin does not make")
                continue
            }
            face.dialled[id] = unclaimed.remove(at: index)
        }
        expected.add(outbox, renamedBy: face)
        if ticks == 0 { compare() }
    }

    private var unclaimed: [PoolConnectionID] = []
    /// Both have ticked.
    func compareTicks() {
        ticks = 0
        compare()
        unclaimed = []
    }

    private func compare() {
        if expected.toMiners != actual.toMiners { differences.append("\(inputs): other bytes for miners") }
        if expected.toPools != actual.toPools { differences.append("\(inputs): other bytes for pools") }
        let (theirs, mine) = (expected.sorted, actual.sorted)
        if theirs != mine {
            let first = zip(theirs + ["nothing"], mine + ["nothing"]).first { $0 != $1 }
            differences.append("\(inputs): \(first?.1 ?? "") for \(first?.0 ?? "")")
        }
        (expected, actual) = (Decisions(), Decisions())
    }

    /// Every byte of every connection was counted, and nothing is owed twice or not at all.
    func compareStates() {
        for (side, face) in zip(pair, faces) {
            for id in side.shard.minerIDs where side.shard.traffic(of: id) != shard.traffic(of: face.name(id)) {
                differences.append("other traffic of \(id)")
            }
            for (id, isOpen) in side.shard.poolConnections {
                let same = shard.poolConnections.contains { $0.id == face.name(id) && $0.isOpen == isOpen }
                if !same || side.shard.traffic(of: id) != shard.traffic(of: face.name(id)) {
                    differences.append("another connection than \(id)")
                }
            }
        }
        #expect(shard.sharesInFlight == pair[0].shard.sharesInFlight + pair[1].shard.sharesInFlight)
        #expect(shard.minersNow == pair[0].shard.minersNow + pair[1].shard.minersNow)
        #expect(shard.connections == pair[0].shard.connections + pair[1].shard.connections)
        PropertyTests().checkBooks(of: shard)
    }
}

extension Decisions {
    /// Everything but bytes and news, in an order that does not depend on who was asked first.
    fileprivate var sorted: [String] {
        others.compactMap { command in
            if case .notice = command { return nil }
            return "\(command)"
        }.sorted()
    }

    fileprivate mutating func add(_ outbox: Outbox, renamedBy face: MergedTwin.Face) {
        for command in outbox.commands {
            switch command {
            case .sendToMiner(let id, let range): add(outbox.bytes[range], to: face.name(id))
            case .sendToPool(let id, let range): add(outbox.bytes[range], to: face.name(id))
            case .beginHandshake(let id, let range): add(.beginHandshake(face.name(id), range))
            case .closeMiner(let id, let reason): add(.closeMiner(face.name(id), reason))
            case .pauseMiner(let id): add(.pauseMiner(face.name(id)))
            case .resumeMiner(let id): add(.resumeMiner(face.name(id)))
            case .dial(let id): add(.dial(face.name(id)))
            case .hangUp(let id): add(.hangUp(face.name(id)))
            case .joined(let id, let key): add(.joined(face.name(id), key: face.key(key, of: id)))
            case .moved(let id, let key): add(.moved(face.name(id), key: face.key(key, of: id)))
            case .left(let id, let key): add(.left(face.name(id), key: face.key(key, of: id)))
            case .released: add(command)
            case .settled(var share):
                share.minerKey = face.key(share.minerKey, of: share.miner)
                share.miner = face.owner(share.miner)
                share.upstream = face.upstream(share.upstream)
                add(.settled(share))
            case .poolError, .notice: add(command)
            }
        }
    }
}
