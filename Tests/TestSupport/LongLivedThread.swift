import Foundation

/// A thread that runs until the tests are over. The programs end with the thread that spawned them (PR_SET_PDEATHSIG), so that must
/// not be one of a pool.
final class LongLivedThread: @unchecked Sendable {
    static let shared = LongLivedThread()
    private let lock = NSCondition()
    private var work: [() -> Void] = []

    private init() {
        Thread.detachNewThread { [self] in
            while true {
                let next: () -> Void = lock.withLock {
                    while work.isEmpty { lock.wait() }
                    return work.removeFirst()
                }
                next()
            }
        }
    }

    func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> Result {
        let done = DispatchSemaphore(value: 0)
        nonisolated(unsafe) var result: Result?
        lock.withLock {
            work.append {
                result = body()
                done.signal()
            }
            lock.signal()
        }
        done.wait()
        return result!
    }
}
