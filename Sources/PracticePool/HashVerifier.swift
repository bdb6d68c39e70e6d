internal import CRandomX
internal import EventLoop
internal import Glibc
internal import Synchronization

/// Computes RandomX hashes on threads of its own, so that logins and jobs never wait for the 20 ms that one takes in
/// light mode. The first hashes also wait for the cache, which takes about a second to fill.
///
/// Questions go in by `ask`; answers come out on the loop, woken through a pipe.
final class HashVerifier {
    struct Question: Sendable {
        let client: UInt32
        let requestID: Int64
        let share: UnverifiedShare
    }

    struct Answer: Sendable {
        let client: UInt32
        let requestID: Int64
        let isRight: Bool
    }

    /// Shares that may wait: at 50 hashes a second this many take over three minutes, longer than any miner waits.
    static let waitingMax = 10_000

    private let exchange: Exchange
    private let watch: DescriptorWatch

    init(on loop: Loop, threads: Int, answered: @escaping (Answer) -> Void) throws(SystemFailure) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw SystemFailure(code: -errno) }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        let exchange = Exchange(wakes: ends[1])
        let readEnd = ends[0]
        self.exchange = exchange
        watch = try DescriptorWatch(on: loop, descriptor: readEnd) {
            var drain = InlineArray<256, UInt8>(repeating: 0)
            var span = drain.mutableSpan
            span.withUnsafeMutableBytes { _ = read(readEnd, $0.baseAddress, $0.count) }
            for answer in exchange.takeAnswers() { answered(answer) }
        }
        watch.unreference()
        for _ in 0..<threads { try HashVerifier.startThread(exchange) }
    }

    /// Queues one share; false when too many wait already.
    func ask(_ question: Question) -> Bool {
        exchange.put(question)
    }

    func close() {
        watch.close()
    }

    private static func startThread(_ exchange: Exchange) throws(SystemFailure) {
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(exchange).toOpaque()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Exchange>.fromOpaque(argument).takeRetainedValue().work()
                return nil
            }, argument)
        guard result == 0 else {
            Unmanaged<Exchange>.fromOpaque(argument).release()
            throw SystemFailure(code: -result)
        }
        pthread_detach(thread)
    }
}

/// What the loop and the computing threads share.
private final class Exchange: Sendable {
    private struct State {
        var questions: [HashVerifier.Question] = []
        /// Questions before this index are taken; the array is cut when all are.
        var next = 0
        var answers: [HashVerifier.Answer] = []
    }

    private let state = Mutex(State())
    private let waiting = Semaphore()
    private let cache = SharedCache()
    private let wakes: Int32

    init(wakes: Int32) {
        self.wakes = wakes
    }

    func put(_ question: HashVerifier.Question) -> Bool {
        let isTaken = state.withLock { state in
            guard state.questions.count - state.next < HashVerifier.waitingMax else { return false }
            state.questions.append(question)
            return true
        }
        if isTaken { waiting.signal() }
        return isTaken
    }

    func takeAnswers() -> [HashVerifier.Answer] {
        state.withLock { state in
            defer { state.answers.removeAll(keepingCapacity: true) }
            return state.answers
        }
    }

    /// The life of a computing thread: it ends with the process.
    func work() {
        let machine = cache.makeMachine()
        while true {
            waiting.wait()
            guard let question = take() else { continue }
            let isRight = machine.gives(question.share)
            let answer = HashVerifier.Answer(
                client: question.client, requestID: question.requestID, isRight: isRight)
            state.withLock { $0.answers.append(answer) }
            // A full pipe is fine: the loop has a reason to look already.
            var one: UInt8 = 1
            _ = write(wakes, &one, 1)
        }
    }

    private func take() -> HashVerifier.Question? {
        state.withLock { state in
            guard state.next < state.questions.count else { return nil }
            let question = state.questions[state.next]
            state.next += 1
            if state.next == state.questions.count {
                state.questions.removeAll(keepingCapacity: true)
                state.next = 0
            }
            return question
        }
    }
}

/// The RandomX cache of the pool's one key, filled by the first thread that asks.
private final class SharedCache: Sendable {
    // The pointer is written once, under the lock, and never freed: it lives as long as the process.
    private let pointer = Mutex<UInt>(0)

    func makeMachine() -> RandomXMachine {
        let address = pointer.withLock { address in
            if address == 0 { address = UInt(bitPattern: SharedCache.fill()) }
            return address
        }
        return RandomXMachine(cache: OpaquePointer(bitPattern: address))
    }

    private static func fill() -> OpaquePointer {
        guard let cache = randomx_alloc_cache(randomx_get_flags()) else { fatalError("no memory for RandomX") }
        let key = [UInt8](repeating: PracticeJob.seedByte, count: 32)
        key.withUnsafeBytes { randomx_init_cache(cache, $0.baseAddress, $0.count) }
        return cache
    }
}

/// One virtual machine of RandomX in light mode; for one thread.
struct RandomXMachine: ~Copyable {
    private let machine: OpaquePointer

    fileprivate init(cache: OpaquePointer?) {
        guard let machine = randomx_create_vm(randomx_get_flags(), cache, nil) else {
            fatalError("no memory for RandomX")
        }
        self.machine = machine
    }

    deinit { randomx_destroy_vm(machine) }

    /// True when the share's hash is what it claims to be.
    func gives(_ share: UnverifiedShare) -> Bool {
        var hash = InlineArray<32, UInt8>(repeating: 0)
        var target = hash.mutableSpan
        share.blob.span.withUnsafeBytes { input in
            target.withUnsafeMutableBytes { output in
                randomx_calculate_hash(machine, input.baseAddress, input.count, output.baseAddress)
            }
        }
        for index in 0..<32 where hash[index] != share.claimed[index] { return false }
        return true
    }
}

/// A POSIX semaphore at a fixed address.
private final class Semaphore: @unchecked Sendable {
    private let raw: UnsafeMutablePointer<sem_t>

    init() {
        raw = .allocate(capacity: 1)
        sem_init(raw, 0, 0)
    }

    deinit {
        sem_destroy(raw)
        raw.deallocate()
    }

    func signal() {
        sem_post(raw)
    }

    func wait() {
        while sem_wait(raw) != 0 {}
    }
}
