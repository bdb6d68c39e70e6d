/// Miners that are not connected, in the order in which they will connect.
struct WaitingMiners {
    private let count: Int
    private var nextNew = 0
    /// Disconnected miners during their pause. It is the same for all, so the first is due first.
    private var paused = Queue<(index: Int, dueMillis: UInt64)>()
    private var joining = Queue<Int>()

    /// - Parameter count: the number of miners; none of them has been connected.
    init(count: Int) {
        self.count = count
    }

    /// The next miner that has never been connected.
    mutating func takeNew() -> Int? {
        guard nextNew < count else { return nil }
        defer { nextNew += 1 }
        return nextNew
    }

    mutating func pause(_ index: Int, untilMillis due: UInt64) {
        paused.add((index, due))
    }

    /// Lets a new miner with this index connect at once.
    mutating func join(_ index: Int) {
        joining.add(index)
    }

    /// The next miner that connects again.
    mutating func takeRetry(atMillis now: UInt64) -> Int? {
        if let index = joining.take() { return index }
        guard let first = paused.first, first.dueMillis <= now else { return nil }
        return paused.take()?.index
    }
}

/// First in, first out; each element is moved once on average.
private struct Queue<Element> {
    private var elements: [Element] = []
    private var head = 0

    var first: Element? { head < elements.count ? elements[head] : nil }

    mutating func add(_ element: Element) {
        elements.append(element)
    }

    mutating func take() -> Element? {
        guard let element = first else { return nil }
        head += 1
        if head * 2 > elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }
}
