internal import EventLoop

/// Asks a `HealthQuestion` once. Turn the loop until there is a `verdict`; there will be one within the time limit.
final class HealthProbe: TCPStream {
    /// A healthy gateway answers in a millisecond. Container tools give the whole check five seconds, and the operator
    /// should read our words in its output, not theirs.
    static let limitMillis: UInt64 = 3_000

    private let question: HealthQuestion
    private var answer: [UInt8] = []
    private var limit: Timer?
    private(set) var verdict: HealthVerdict?

    init(on loop: Loop, asking question: HealthQuestion) {
        self.question = question
        super.init(on: loop)
    }

    /// - Parameter limitMillis: how long the answer may take.
    func begin(limitMillis: UInt64 = HealthProbe.limitMillis) {
        let limit = Timer(on: loop) { [weak self] in
            self?.finish(.unhealthy("no answer within \(limitMillis) ms"))
        }
        self.limit = limit
        limit.start(after: limitMillis)
        do throws(SystemFailure) {
            try connect(to: SocketAddress(host: question.host, port: question.port))
        } catch {
            finish(.unhealthy(error.description))
        }
    }

    override func didConnect(_ failure: SystemFailure?) {
        if let failure { return finish(.unhealthy(failure.description)) }
        let request = question.request
        if request.isEmpty { return finish(.healthy) }
        startReading()
        // What cannot be sent ends the connection, which is an answer too.
        _ = request.withUnsafeBytes { send($0) }
    }

    override func didReceive(_ chunk: UnsafeRawBufferPointer) {
        // Only the beginning is looked at, so it never holds more than one chunk and a few bytes.
        answer.append(contentsOf: chunk)
        if let verdict = question.verdict(on: answer) { finish(verdict) }
    }

    override func didEnd(_ end: StreamEnd) {
        finish(.unhealthy("it closed the connection"))
    }

    private func finish(_ verdict: HealthVerdict) {
        guard self.verdict == nil else { return }
        self.verdict = verdict
        limit?.close()
        close()
    }
}
