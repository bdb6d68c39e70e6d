internal import Continuity
internal import EventLoop
internal import Glibc
internal import Linux

/// What stays of a shard when its process exits, kept by the supervisor: the memory file with its state, and the
/// anchors of its connections.
///
/// A process that exits leaves its anchor. The next process gets all anchors that are left, takes over the connections,
/// and reports ready; then the older anchors are ended. When several processes in a row crash before they are ready,
/// the saved state may be the cause. It is discarded, and the miners of the shard reconnect.
///
/// The programs of these processes are kept open too. Only the program that wrote an input log may replay it, and its
/// file may have been replaced meanwhile, for an upgrade that follows.
final class ShardSuccession {
    /// Crashes in a row before ready after which the saved state counts as the cause.
    static let failedTakeoversMax = 3

    private let name: String
    private var memory: Int32 = -1
    private var incarnation = 0
    /// The supervisor's ends of the anchors' socket pairs. The last one is the present process's.
    private var anchors: [Anchored] = []
    private var isReady = false
    /// Whether a process has served, so that there is a state to take over.
    private var hasServed = false
    private var failedTakeovers = 0
    /// Another shard has all connections. Later processes only hand over events.
    private(set) var isAbsorbed = false

    /// The part offered to another shard; nil for the whole shard.
    private var part: ShardPart?
    /// The number of the last part that was offered.
    private var parts: UInt32 = 0
    /// The last part that another shard has absorbed.
    private(set) var released: LaunchContext.Succession.Released?

    private struct Anchored {
        var incarnation: Int
        /// The supervisor's end of its socket pair.
        var socket: Int32
        /// Descriptor of the process's program; -1 when it could not be opened.
        var program: Int32

        func lift() {
            close(socket)
            if program >= 0 { close(program) }
        }
    }

    init(name: String) {
        self.name = name
    }

    /// What another program needs to continue with this shard.
    struct Handed: Codable, Equatable {
        var shard: Int
        var memory: Int32
        var incarnation: Int
        var anchors: [LaunchContext.Succession.Former]
        var isReady: Bool
        var hasServed: Bool
        var failedTakeovers: Int
        /// In the order of `anchors`; nil if an older supervisor wrote it.
        var programs: [Int32]?
        /// nil if an older supervisor wrote it.
        var parts: UInt32?
        var released: LaunchContext.Succession.Released?

        var descriptors: [Int32] {
            (memory >= 0 ? [memory] : []) + anchors.map(\.anchor) + (programs ?? []).filter { $0 >= 0 }
        }
    }

    func handed(shard: Int) -> Handed {
        Handed(
            shard: shard, memory: memory, incarnation: incarnation,
            anchors: anchors.map { .init(incarnation: $0.incarnation, anchor: $0.socket) }, isReady: isReady,
            hasServed: hasServed, failedTakeovers: failedTakeovers, programs: anchors.map(\.program), parts: parts,
            released: released)
    }

    init(name: String, adopting handed: Handed) {
        self.name = name
        memory = handed.memory
        incarnation = handed.incarnation
        anchors = handed.anchors.enumerated().map { index, anchor in
            let programs = handed.programs ?? []
            return Anchored(
                incarnation: anchor.incarnation, socket: anchor.anchor,
                program: index < programs.count ? programs[index] : -1)
        }
        isReady = handed.isReady
        hasServed = handed.hasServed
        failedTakeovers = handed.failedTakeovers
        parts = handed.parts ?? 0
        released = handed.released
    }

    deinit {
        for anchor in anchors { anchor.lift() }
        if memory >= 0 { close(memory) }
    }

    /// What the next process gets at its start.
    struct LaunchState {
        var succession: LaunchContext.Succession
        /// The child gets these in order from `firstDescriptor` on. The caller closes `theirs` afterwards.
        var descriptors: [Int32]
        /// The child's end of its anchor's socket pair. The supervisor must not keep it open.
        var theirs: Int32
        /// The path of the program to execute.
        var executable: String
    }

    /// Prepares the start of the next process.
    /// - Parameters:
    ///   - firstDescriptor: the number of the first descriptor in the child.
    ///   - standsBeside: whether the present process still serves.
    ///   - installed: the path of the installed program.
    func next(firstDescriptor: Int32, standsBeside: Bool, installed: String) throws(SystemFailure) -> LaunchState {
        if memory < 0 {
            do throws(SystemCallFailure) {
                memory = try SharedMemory.makeFile(name: name)
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
        let executable = standsBeside ? installed : program(installed: installed)
        anchors.append(
            Anchored(incarnation: incarnation, socket: ends[0], program: open(executable, O_RDONLY | O_CLOEXEC)))
        var succession = LaunchContext.Succession(
            memory: firstDescriptor, anchor: firstDescriptor + 1, incarnation: incarnation,
            former: former.enumerated().map { index, anchor in
                .init(incarnation: anchor.incarnation, anchor: firstDescriptor + 2 + Int32(index))
            })
        succession.standsBeside = standsBeside
        succession.released = released
        return LaunchState(
            succession: succession, descriptors: [memory, ends[1]] + former.map(\.socket), theirs: ends[1],
            executable: executable)
    }

    /// The program for the process after a crash: the one that wrote the log. After failed takeovers it is the program
    /// started last, then the installed one.
    private func program(installed: String) -> String {
        let candidates = [anchors.first, anchors.last].compactMap { $0?.program }
        guard hasServed, failedTakeovers < candidates.count, candidates[failedTakeovers] >= 0 else { return installed }
        let program = candidates[failedTakeovers]
        var (kept, present) = (stat(), stat())
        guard fstat(program, &kept) == 0 else { return installed }
        let isSame = stat(installed, &present) == 0 && kept.st_ino == present.st_ino && kept.st_dev == present.st_dev
        return isSame ? installed : "/proc/\(getpid())/fd/\(program)"
    }

    /// The present process serves and has taken what it needs from the older anchors.
    func tookOver() {
        isReady = true
        hasServed = true
        failedTakeovers = 0
        for anchor in anchors.dropLast() { anchor.lift() }
        anchors.removeFirst(max(anchors.count - 1, 0))
    }

    /// The standby is not needed. Ends its anchor, which holds its descriptors.
    func dismissNewest() {
        guard let newest = anchors.popLast() else { return }
        newest.lift()
    }

    /// The offer to another shard to absorb this one, as its present process left it; nil when there is no state.
    func departing(shard: Int) -> MergeOffer? {
        guard memory >= 0, hasServed, let newest = anchors.last else { return nil }
        return MergeOffer(
            shard: UInt16(clamping: shard), incarnation: UInt64(newest.incarnation), part: part,
            memory: memory, anchor: newest.socket)
    }

    /// Sets what is offered next: the whole shard (nil), or a part with at most this number of miners.
    func ask(forPartOf miners: Int?) {
        guard let miners else {
            part = nil
            return
        }
        parts += 1
        part = ShardPart(number: parts, miners: UInt32(clamping: miners))
    }

    /// Whether this answers the last offer, about the present process.
    func isAbout(_ answer: ChildMessage.AbsorptionAnswer) -> Bool {
        answer.part == part?.number ?? 0 && anchors.last.map { UInt64($0.incarnation) == answer.incarnation } == true
    }

    /// Another shard has absorbed what was offered.
    func absorbed() {
        guard let part, let newest = anchors.last else {
            isAbsorbed = true
            return
        }
        released = LaunchContext.Succession.Released(incarnation: newest.incarnation, part: part)
    }

    /// The present process has exited.
    /// - Returns: false when the saved state was discarded.
    func processEnded() -> Bool {
        let wasReady = isReady
        isReady = false
        guard !wasReady, hasServed else { return true }
        failedTakeovers += 1
        guard failedTakeovers >= ShardSuccession.failedTakeoversMax else { return true }
        giveUp()
        return false
    }

    /// Discards the saved state and ends the connections that are still anchored.
    func giveUp() {
        for anchor in anchors { anchor.lift() }
        anchors = []
        if memory >= 0 { close(memory) }
        memory = -1
        hasServed = false
        released = nil
        failedTakeovers = 0
    }
}
