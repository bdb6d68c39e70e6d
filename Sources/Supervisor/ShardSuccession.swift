internal import EventLoop
internal import Glibc
internal import Continuity
internal import Linux

/// What of one shard outlives its processes, held by the supervisor: the memory with its state, and the anchors of its
/// connections.
///
/// A process that is gone has left its anchor; the next one is handed all that are still down, takes the connections over, and
/// says ready; then the older ones are lifted. When processes die in a row before they were ready, what they were handed may be what
/// kills them: it is given up, and the miners of the shard connect anew.
///
/// The programs of those processes are kept open too. A log of inputs can be decided again only by the program that has decided
/// it, and the file from which that one was started may have been replaced meanwhile, for an upgrade that is to follow.
final class ShardSuccession {
    /// Deaths in a row, before ready, until what was handed over counts as the cause.
    static let failedTakeoversMax = 3

    private let name: String
    private var memory: Int32 = -1
    private var incarnation = 0
    /// Our ends of the anchors' socket pairs; the newest is that of the present process.
    private var anchors: [Anchored] = []
    private var isReady = false
    /// Some process has served, so there is something to take over.
    private var hasServed = false
    private var failedTakeovers = 0
    /// Another shard has the connections; what follows here only hands over events.
    private(set) var isAbsorbed = false

    /// What of it is asked for: nil = all.
    private var part: ShardPart?
    /// Counts the parts that were asked for.
    private var parts: UInt32 = 0
    /// The last part that another shard has taken over.
    private(set) var released: LaunchContext.Succession.Released?

    private struct Anchored {
        var incarnation: Int
        /// Our end of its socket pair.
        var socket: Int32
        /// The program of the process, -1 when it could not be opened.
        var program: Int32

        func lift() {
            close(socket)
            if program >= 0 { close(program) }
        }
    }

    init(name: String) {
        self.name = name
    }

    /// What another program needs to go on with it.
    struct Handed: Codable, Equatable {
        var shard: Int
        var memory: Int32
        var incarnation: Int
        var anchors: [LaunchContext.Succession.Former]
        var isReady: Bool
        var hasServed: Bool
        var failedTakeovers: Int
        /// In the order of `anchors`; nil when an older supervisor wrote it.
        var programs: [Int32]?
        /// nil when an older supervisor wrote it.
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

    /// What the next process gets.
    struct LaunchState {
        var succession: LaunchContext.Succession
        /// To be given to the child in this order from `firstDescriptor` on; the caller closes `theirs` afterwards.
        var descriptors: [Int32]
        /// The child's end of its new anchor's socket pair, which is none of ours once the child has it.
        var theirs: Int32
        /// What to execute.
        var executable: String
    }

    /// Prepares the start of the next process.
    /// - Parameters:
    ///   - firstDescriptor: where in the child the first of the descriptors will stand.
    ///   - standsBeside: whether the present process still serves then.
    ///   - installed: where the shards' program is.
    func next(firstDescriptor: Int32, standsBeside: Bool, installed: String) throws(SystemFailure) -> LaunchState {
        if memory < 0 {
            do throws(SystemCallFailure) {
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

    /// Who goes on after a death: the program that wrote the log, as far as that can be known. When it fails, the one that was
    /// started last, and then the one that is installed.
    private func program(installed: String) -> String {
        let candidates = [anchors.first, anchors.last].compactMap { $0?.program }
        guard hasServed, failedTakeovers < candidates.count, candidates[failedTakeovers] >= 0 else { return installed }
        let program = candidates[failedTakeovers]
        var (kept, present) = (stat(), stat())
        guard fstat(program, &kept) == 0 else { return installed }
        let isSame = stat(installed, &present) == 0 && kept.st_ino == present.st_ino && kept.st_dev == present.st_dev
        return isSame ? installed : "/proc/\(getpid())/fd/\(program)"
    }

    /// The present process serves: whatever it wanted of the former ones it has.
    func tookOver() {
        isReady = true
        hasServed = true
        failedTakeovers = 0
        for anchor in anchors.dropLast() { anchor.lift() }
        anchors.removeFirst(max(anchors.count - 1, 0))
    }

    /// The process that was prepared last is not needed: what it holds of the connections goes with its anchor.
    func dismissNewest() {
        guard let newest = anchors.popLast() else { return }
        newest.lift()
    }

    /// What another shard needs to absorb this one, as its present process has left it; nil when there is nothing.
    func departing(shard: Int) -> MergeOffer? {
        guard memory >= 0, hasServed, let newest = anchors.last else { return nil }
        return MergeOffer(
            shard: UInt16(clamping: shard), incarnation: UInt64(newest.incarnation), part: part,
            memory: memory, anchor: newest.socket)
    }

    /// Another shard is to be asked next for all of it, or for a part with at most that many miners.
    func ask(forPartOf miners: Int?) {
        guard let miners else {
            part = nil
            return
        }
        parts += 1
        part = ShardPart(number: parts, miners: UInt32(clamping: miners))
    }

    /// Whether that is the answer to what was asked, of the present process.
    func isAbout(_ answer: ChildMessage.AbsorptionAnswer) -> Bool {
        answer.part == part?.number ?? 0 && anchors.last.map { UInt64($0.incarnation) == answer.incarnation } == true
    }

    /// Another shard has what was asked for.
    func absorbed() {
        guard let part, let newest = anchors.last else {
            isAbsorbed = true
            return
        }
        released = LaunchContext.Succession.Released(incarnation: newest.incarnation, part: part)
    }

    /// The present process is gone.
    /// - Returns: false when what it was handed has been given up.
    func processEnded() -> Bool {
        let wasReady = isReady
        isReady = false
        guard !wasReady, hasServed else { return true }
        failedTakeovers += 1
        guard failedTakeovers >= ShardSuccession.failedTakeoversMax else { return true }
        giveUp()
        return false
    }

    /// Ends the connections that are still anchored.
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
