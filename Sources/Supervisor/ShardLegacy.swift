internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Handover

/// What of one shard outlives its processes, held by the supervisor: the memory with its state, and the anchors of its
/// connections.
///
/// A process that is gone has left its anchor; the next one is handed all that are still down, takes the connections over, and
/// says ready; then the older ones are lifted. When processes die in a row before they were ready, what they were handed may be what
/// kills them: it is given up, and the miners of the shard connect anew.
final class ShardLegacy {
    /// Deaths in a row, before ready, until what was handed over counts as the cause.
    static let failedTakeoversMax = 3

    private let name: String
    private var memory: Int32 = -1
    private var incarnation = 0
    /// Our ends of the anchors' socket pairs; the newest is that of the present process.
    private var anchors: [(incarnation: Int, socket: Int32)] = []
    private var isReady = false
    /// Some process has served, so there is something to take over.
    private var hasServed = false
    private var failedTakeovers = 0

    init(name: String) {
        self.name = name
    }

    /// What another program needs to go on with it.
    struct Handed: Codable, Equatable {
        var shard: Int
        var memory: Int32
        var incarnation: Int
        var anchors: [Inheritance.Legacy.Former]
        var isReady: Bool
        var hasServed: Bool
        var failedTakeovers: Int

        var descriptors: [Int32] { (memory >= 0 ? [memory] : []) + anchors.map(\.anchor) }
    }

    func handed(shard: Int) -> Handed {
        Handed(
            shard: shard, memory: memory, incarnation: incarnation,
            anchors: anchors.map { .init(incarnation: $0.incarnation, anchor: $0.socket) }, isReady: isReady,
            hasServed: hasServed, failedTakeovers: failedTakeovers)
    }

    init(name: String, adopting handed: Handed) {
        self.name = name
        memory = handed.memory
        incarnation = handed.incarnation
        anchors = handed.anchors.map { ($0.incarnation, $0.anchor) }
        isReady = handed.isReady
        hasServed = handed.hasServed
        failedTakeovers = handed.failedTakeovers
    }

    deinit {
        for anchor in anchors { close(anchor.socket) }
        if memory >= 0 { close(memory) }
    }

    /// What the next process gets.
    struct Bequest {
        var legacy: Inheritance.Legacy
        /// To be given to the child in this order from `firstDescriptor` on; the caller closes `theirs` afterwards.
        var descriptors: [Int32]
        /// The child's end of its new anchor's socket pair, which is none of ours once the child has it.
        var theirs: Int32
    }

    /// Prepares the start of the next process.
    /// - Parameters:
    ///   - firstDescriptor: where in the child the first of the descriptors will stand.
    ///   - standsBeside: whether the present process still serves then.
    func next(firstDescriptor: Int32, standsBeside: Bool) throws(SystemFailure) -> Bequest {
        if memory < 0 {
            do throws(HandoverFailure) {
                memory = try StateMemory.make(name: name)
            } catch {
                throw SystemFailure(code: -error.code)
            }
        }
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw SystemFailure(code: -errno)
        }
        incarnation += 1
        let former = anchors
        anchors.append((incarnation, ends[0]))
        var legacy = Inheritance.Legacy(
            memory: firstDescriptor, anchor: firstDescriptor + 1, incarnation: incarnation,
            former: former.enumerated().map { index, anchor in
                .init(incarnation: anchor.incarnation, anchor: firstDescriptor + 2 + Int32(index))
            })
        legacy.standsBeside = standsBeside
        return Bequest(
            legacy: legacy, descriptors: [memory, ends[1]] + former.map(\.socket), theirs: ends[1])
    }

    /// The present process serves: whatever it wanted of the former ones it has.
    func tookOver() {
        isReady = true
        hasServed = true
        failedTakeovers = 0
        for anchor in anchors.dropLast() { close(anchor.socket) }
        anchors.removeFirst(max(anchors.count - 1, 0))
    }

    /// The process that was prepared last is not needed: what it holds of the connections goes with its anchor.
    func dismissNewest() {
        guard let newest = anchors.popLast() else { return }
        close(newest.socket)
    }

    /// The present process is gone.
    /// - Returns: false when what it was handed has been given up.
    func processEnded() -> Bool {
        let wasReady = isReady
        isReady = false
        guard !wasReady, hasServed else { return true }
        failedTakeovers += 1
        guard failedTakeovers >= ShardLegacy.failedTakeoversMax else { return true }
        giveUp()
        return false
    }

    /// Ends the connections that are still anchored.
    func giveUp() {
        for anchor in anchors { close(anchor.socket) }
        anchors = []
        if memory >= 0 { close(memory) }
        memory = -1
        hasServed = false
        failedTakeovers = 0
    }
}
