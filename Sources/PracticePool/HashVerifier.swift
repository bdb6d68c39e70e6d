internal import EventLoop
internal import RandomX

/// Computes the hashes of shares in separate threads, so that logins and jobs do not wait for them.
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

    /// Shares in the queue: at 50 hashes a second they take over three minutes, longer than any miner waits.
    static let waitingMax = 10_000

    private let threads: HashingThreads<Question, Answer>

    init(on loop: Loop, threads: Int, answered: @escaping (Answer) -> Void) throws(SystemFailure) {
        let key = PracticeJob.seed
        self.threads = try HashingThreads(
            on: loop, threads: threads, waitingMax: HashVerifier.waitingMax, key: key,
            compute: { question, machine in
                let isRight = question.share.isRight(machine.hash(question.share.blob.span, key: key))
                return Answer(client: question.client, requestID: question.requestID, isRight: isRight)
            }, answered: answered)
    }

    /// Queues a share; false when the queue is full.
    func ask(_ question: Question) -> Bool {
        threads.ask(question)
    }

    func close() {
        threads.close()
    }
}
