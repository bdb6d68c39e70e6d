internal import EventLoop
internal import RandomX

/// Computes the hashes of shares on threads of their own, so that logins and jobs never wait for them.
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

    /// Queues one share; false when too many wait already.
    func ask(_ question: Question) -> Bool {
        threads.ask(question)
    }

    func close() {
        threads.close()
    }
}
