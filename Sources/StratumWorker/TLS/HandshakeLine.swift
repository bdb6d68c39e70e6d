internal import StratumSession

/// Decides which handshake of a miner is worked on next, when there are more than the shard has time for.
///
/// An answer to a handshake that has begun goes first: it is cheap, and ends a handshake. First hellos are served by
/// address, one of each in turn, so that the crowd behind one address does not delay the miner of another. They wait
/// while `begunMax` handshakes wait for their clients: an honest client is only slow because its machine is busy with
/// others, and must not be closed for that. A place is taken from another handshake only if its address has more of
/// them than the newcomer's, or if its client has not finished it within `patience`.
struct HandshakeLine<Address: Hashable, Member: AnyObject> {
    /// Addresses that are asked in one call whether one of their hellos may begin.
    static var addressesAskedMax: Int { 64 }

    let begunMax: Int
    let patience: Milliseconds

    /// Members whose handshake has begun and can continue.
    private var steps = Queue<Member>()
    private var hellos: [Address: Queue<(member: Member, since: Instant)>] = [:]
    /// The addresses with hellos, in the order in which they are served.
    private var turns = Queue<Address>()
    /// Members whose handshake has begun, in the order in which they began.
    private var begun: [Address: [(member: Member, since: Instant)]] = [:]
    private(set) var begunCount = 0

    init(begunMax: Int, patience: Milliseconds) {
        self.begunMax = begunMax
        self.patience = patience
    }

    var isEmpty: Bool { steps.isEmpty && turns.isEmpty }
    var hasSteps: Bool { !steps.isEmpty }

    /// A handshake that has begun can continue.
    mutating func append(step member: Member) { steps.append(member) }

    /// A handshake can begin.
    mutating func append(hello member: Member, of address: Address, at now: Instant) {
        if hellos[address] == nil { turns.append(address) }
        hellos[address, default: Queue()].append((member, now))
    }

    enum Turn {
        case step(Member)
        /// A handshake begins; `begins` was called for it.
        /// - Parameter insteadOf: the handshake that ends for it.
        case hello(Member, insteadOf: Member?)
    }

    /// - Parameter isThere: whether the connection of a hello is still open.
    /// - Returns: nil when nothing waits, or what waits must wait longer.
    mutating func next(at now: Instant, isThere: (Member) -> Bool) -> Turn? {
        if let member = steps.popFirst() { return .step(member) }
        let candidates = candidates
        var asked = 0
        while asked < Self.addressesAskedMax, let address = turns.popFirst() {
            guard let member = firstHello(of: address, isThere) else { continue }
            asked += 1
            let place = place(for: address, among: candidates, at: now)
            if place != nil { _ = hellos[address]?.popFirst() }
            if hellos[address]?.isEmpty == false { turns.append(address) } else { hellos[address] = nil }
            guard let place else { continue }
            begins(member, of: address, at: now)
            guard case .taken(let other) = place else { return .hello(member, insteadOf: nil) }
            return .hello(member, insteadOf: other)
        }
        return nil
    }

    /// Without those whose connection has ended. nil when there is none; the address then has no entry.
    private mutating func firstHello(of address: Address, _ isThere: (Member) -> Bool) -> Member? {
        while let member = hellos[address]?.first?.member {
            if isThere(member) { return member }
            _ = hellos[address]?.popFirst()
        }
        hellos[address] = nil
        return nil
    }

    /// A place of the whole process is needed: the newest hello of the address that has most of them waiting gives way,
    /// if those are more than the newcomer's address has; else the oldest of all, if it has waited for `patience`.
    /// - Returns: the connection to close.
    mutating func giveWay(to address: Address, at now: Instant, isThere: (Member) -> Bool) -> Member? {
        while let busiest = hellos.max(by: { $0.value.count < $1.value.count }),
            busiest.value.count > (hellos[address]?.count ?? 0) + 1
        {
            // The address keeps its turn, and its empty queue, until the turn comes.
            if let member = hellos[busiest.key]?.popLast()?.member, isThere(member) { return member }
        }
        while let oldest = hellos.filter({ !$0.value.isEmpty }).min(by: {
            $0.value.first!.since < $1.value.first!.since
        }),
            let first = oldest.value.first, now >= first.since + patience
        {
            _ = hellos[oldest.key]?.popFirst()
            if isThere(first.member) { return first.member }
        }
        return nil
    }

    // MARK: - Handshakes that have begun

    /// Whether one more may begin without waiting in the line.
    var hasPlace: Bool { begunCount < begunMax }

    mutating func begins(_ member: Member, of address: Address, at now: Instant) {
        begun[address, default: []].append((member, now))
        begunCount += 1
    }

    /// - Returns: false when it has not begun, or was ended for another one.
    @discardableResult
    mutating func ends(_ member: Member, of address: Address) -> Bool {
        guard let index = begun[address]?.firstIndex(where: { $0.member === member }) else { return false }
        begun[address]?.remove(at: index)
        if begun[address]?.isEmpty == true { begun[address] = nil }
        begunCount -= 1
        return true
    }

    private enum Place {
        case free
        case taken(Member)
    }

    /// What may end for another one, found once for all addresses that are asked.
    private struct Candidates {
        /// The oldest of the address that has the most.
        var busiest: (address: Address, count: Int, member: Member)?
        /// The oldest of all.
        var oldest: (address: Address, since: Instant, member: Member)?
    }

    private var candidates: Candidates {
        guard !hasPlace else { return Candidates() }
        return Candidates(
            busiest: begun.max { $0.value.count < $1.value.count }.map { ($0.key, $0.value.count, $0.value[0].member) },
            oldest: begun.min { $0.value[0].since < $1.value[0].since }
                .map { ($0.key, $0.value[0].since, $0.value[0].member) })
    }

    /// - Returns: nil when there is none yet.
    private mutating func place(for address: Address, among candidates: Candidates, at now: Instant) -> Place? {
        guard !hasPlace else { return .free }
        if let busiest = candidates.busiest, busiest.count > (begun[address]?.count ?? 0) + 1 {
            ends(busiest.member, of: busiest.address)
            return .taken(busiest.member)
        }
        guard let oldest = candidates.oldest, now >= oldest.since + patience else { return nil }
        ends(oldest.member, of: oldest.address)
        return .taken(oldest.member)
    }
}

/// First in, first out.
private struct Queue<Element> {
    private var elements: [Element?] = []
    private var head = 0

    var count: Int { elements.count - head }
    var isEmpty: Bool { count == 0 }
    var first: Element? { isEmpty ? nil : elements[head] }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popLast() -> Element? { isEmpty ? nil : elements.removeLast() }

    mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        defer {
            elements[head] = nil
            head += 1
            if head == elements.count || head > 1_024 && head > elements.count / 2 {
                elements.removeFirst(head)
                head = 0
            }
        }
        return elements[head]
    }
}
