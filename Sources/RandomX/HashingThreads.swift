public import EventLoop
internal import Glibc
internal import Synchronization

/// Threads that compute hashes for an event loop, which must not block for the 20 ms or more that a hash takes.
///
/// `ask` queues questions; answers are delivered on the loop, which a pipe wakes up. With one thread they are in the
/// order of the questions.
public final class HashingThreads<Question: Sendable, Answer: Sendable> {
    private let exchange: Exchange<Question, Answer>
    private let watch: DescriptorWatch

    /// - Parameters:
    ///   - waitingMax: the maximum number of queued questions.
    ///   - key: the RandomX key expected first, which is prepared at once; nil when it is not known yet.
    ///   - compute: runs on the threads, each of which has its own machine.
    ///   - answered: runs on the loop.
    public init(
        on loop: Loop, threads: Int, waitingMax: Int, key: [UInt8]? = nil,
        compute: @escaping @Sendable (Question, inout RandomXMachine) -> Answer, answered: @escaping (Answer) -> Void
    ) throws(SystemFailure) {
        let exchange = Exchange(waitingMax: waitingMax, wake: try Pipe(), compute: compute)
        self.exchange = exchange
        watch = try DescriptorWatch(on: loop, descriptor: exchange.wake.readEnd) {
            exchange.wake.drain()
            for answer in exchange.takeAnswers() { answered(answer) }
        }
        watch.unreference()
        let caches = RandomXCaches()
        for _ in 0..<threads {
            try startThread {
                var machine = RandomXMachine(caches)
                if let key { machine.prepare(key: key) }
                exchange.work(with: &machine)
            }
        }
    }

    deinit { close() }

    /// Queues a question; false when the queue is full.
    public func ask(_ question: Question) -> Bool {
        exchange.put(question)
    }

    /// Stops delivering answers. Each thread ends after the hash that it is computing.
    public func close() {
        watch.close()
        exchange.close()
    }
}

/// The state shared by the loop and the threads.
private final class Exchange<Question: Sendable, Answer: Sendable>: Sendable {
    private struct State {
        var questions: [Question] = []
        /// The index of the next question; the array is emptied when all are taken.
        var next = 0
        var answers: [Answer] = []
        var isClosed = false
    }

    let wake: Pipe
    private let waitingMax: Int
    private let compute: @Sendable (Question, inout RandomXMachine) -> Answer
    private let state = Mutex(State())
    private let waiting = Semaphore()

    init(waitingMax: Int, wake: Pipe, compute: @escaping @Sendable (Question, inout RandomXMachine) -> Answer) {
        self.waitingMax = waitingMax
        self.wake = wake
        self.compute = compute
    }

    func put(_ question: Question) -> Bool {
        let isTaken = state.withLock { state in
            guard !state.isClosed, state.questions.count - state.next < waitingMax else { return false }
            state.questions.append(question)
            return true
        }
        if isTaken { waiting.signal() }
        return isTaken
    }

    func takeAnswers() -> [Answer] {
        state.withLock { state in
            defer { state.answers.removeAll(keepingCapacity: true) }
            return state.answers
        }
    }

    func close() {
        state.withLock { state in
            state.isClosed = true
            state.questions.removeAll()
            state.next = 0
        }
        waiting.signal()
    }

    /// The main loop of a computing thread.
    func work(with machine: inout RandomXMachine) {
        while true {
            waiting.wait()
            switch take() {
            case .question(let question):
                let answer = compute(question, &machine)
                state.withLock { $0.answers.append(answer) }
                wake.ring()
            case .none: break
            case .closed:
                // Wake up the next thread as well.
                waiting.signal()
                return
            }
        }
    }

    private enum Turn {
        case question(Question)
        case none
        case closed
    }

    private func take() -> Turn {
        state.withLock { state in
            guard !state.isClosed else { return .closed }
            guard state.next < state.questions.count else { return .none }
            let question = state.questions[state.next]
            state.next += 1
            if state.next == state.questions.count {
                state.questions.removeAll(keepingCapacity: true)
                state.next = 0
            }
            return .question(question)
        }
    }
}

/// Starts a detached thread.
private func startThread(_ body: @escaping @Sendable () -> Void) throws(SystemFailure) {
    final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(Body(body)).toOpaque()
    let result = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
            return nil
        }, argument)
    guard result == 0 else {
        Unmanaged<Body>.fromOpaque(argument).release()
        throw SystemFailure(code: -result)
    }
    pthread_detach(thread)
}

/// A pipe that wakes up another thread. It is closed with its last owner, so that no thread writes to a reused
/// descriptor.
private final class Pipe: Sendable {
    let readEnd: Int32
    private let writeEnd: Int32

    init() throws(SystemFailure) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw SystemFailure(code: -errno) }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    deinit {
        Glibc.close(readEnd)
        Glibc.close(writeEnd)
    }

    func ring() {
        // A full pipe is no problem: the loop will wake up anyway.
        var one: UInt8 = 1
        _ = write(writeEnd, &one, 1)
    }

    func drain() {
        var bytes = InlineArray<256, UInt8>(repeating: 0)
        var span = bytes.mutableSpan
        span.withUnsafeMutableBytes { _ = read(readEnd, $0.baseAddress, $0.count) }
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
