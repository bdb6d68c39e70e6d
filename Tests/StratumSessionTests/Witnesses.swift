import StratumProtocol
import TestSupport
import Testing

@testable import StratumSession

/// Sees what happens to the shard of a harness, and what it decides.
protocol ShardWitness {
    func begins(_ shard: borrowing Shard, at now: Instant)
    func happens(_ input: ShardInput, _ bytes: [UInt8], at now: Instant)
    /// The shard's outbox has been taken and not been performed yet.
    func decides(_ outbox: Outbox, _ shard: borrowing Shard, at now: Instant)
}

/// What `encode` writes, which is called twice.
func bytes(of encode: (inout BinaryWriter) -> Void) -> [UInt8] {
    var measure = BinaryWriter(into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
    encode(&measure)
    return [UInt8](unsafeUninitializedCapacity: measure.count) { buffer, count in
        var writer = BinaryWriter(into: UnsafeMutableRawBufferPointer(buffer))
        encode(&writer)
        count = writer.fits ? writer.count : 0
    }
}

/// The encoded state of a shard, in an array.
func written(_ shard: borrowing Shard) -> [UInt8] { bytes { shard.encode(to: &$0) } }

func read(_ bytes: [UInt8]) throws(DecodingFault) -> Shard {
    let pointer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
    defer { pointer.deallocate() }
    pointer.copyBytes(from: bytes)
    var reader = BinaryReader(UnsafeRawBufferPointer(pointer))
    return try Shard(decoding: &reader)
}

/// Decisions without the cuts between outboxes: what each connection is sent, and everything else in its order.
struct Decisions: Equatable {
    private(set) var toMiners: [MinerID: [UInt8]] = [:]
    private(set) var toPools: [PoolConnectionID: [UInt8]] = [:]
    private(set) var others: [ShardCommand] = []

    mutating func add(_ outbox: Outbox) {
        for command in outbox.commands {
            switch command {
            case .sendToMiner(let id, let range): toMiners[id, default: []] += outbox.bytes[range]
            case .sendToPool(let id, let range): toPools[id, default: []] += outbox.bytes[range]
            case .beginHandshake, .closeMiner, .pauseMiner, .resumeMiner, .dial, .hangUp, .joined, .moved, .left,
                .released, .settled,
                .poolError, .notice:
                others.append(command)
            }
        }
    }

    mutating func add(_ bytes: ArraySlice<UInt8>, to id: MinerID) { toMiners[id, default: []] += bytes }
    mutating func add(_ bytes: ArraySlice<UInt8>, to id: PoolConnectionID) { toPools[id, default: []] += bytes }
    mutating func add(_ command: ShardCommand) { others.append(command) }
}

/// A second shard that gets the same inputs, and is written down and read again: at random moments, or regularly.
final class Twin: ShardWitness {
    private var shard = Shard(
        policy: ShardPolicy(pools: [.init(user: "", password: "")], agent: ""), seed: 0, secretSeed: 1)
    private let parser = JSONParser()
    private var dice: SeededGenerator
    /// Inputs from one writing to the next; nil = at random moments.
    private let every: Int?
    private(set) var inputs = 0
    private(set) var births = 0
    private(set) var differences: [String] = []

    init(seed: UInt64 = 1, every: Int? = nil) {
        dice = SeededGenerator(seed: seed)
        self.every = every
    }

    func begins(_ shard: borrowing Shard, at now: Instant) { reborn(from: written(shard)) }

    func happens(_ input: ShardInput, _ bytes: [UInt8], at now: Instant) {
        inputs += 1
        do throws(ReplayFault) {
            try shard.apply(input, bytes.span, with: parser, at: now)
        } catch {
            differences.append("\(inputs): \(input) does not fit")
        }
    }

    func decides(_ outbox: Outbox, _ original: borrowing Shard, at now: Instant) {
        var mine = Outbox()
        shard.takeOutbox(replacingWith: &mine)
        if mine.commands != outbox.commands { differences.append("\(inputs): other decisions") }
        if mine.bytes != outbox.bytes { differences.append("\(inputs): other bytes") }
        guard every.map({ inputs % $0 == 0 }) ?? (dice.number(0...19) == 0) else { return }
        let reader = written(shard)
        // Equal states have equal forms: nothing hides in what was not compared.
        if dice.number(0...4) == 0, reader != written(original) { differences.append("\(inputs): another form") }
        reborn(from: reader)
    }

    private func reborn(from reader: [UInt8]) {
        do throws(DecodingFault) {
            shard = try read(reader)
            births += 1
        } catch {
            differences.append("\(inputs): \(error)")
        }
    }
}
