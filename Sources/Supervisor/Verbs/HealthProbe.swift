internal import EventLoop

/// Sends a `HealthQuestion` once. Run the loop until `verdict` is set, which happens within the time limit.
final class HealthProbe: TCPStream {
    /// A healthy gateway answers within a millisecond. Container tools allow five seconds for the whole check; this
    /// limit is below it, so that the operator reads the reason of this program in their output.
    static let limitMillis: UInt64 = 3_000

    private let question: HealthQuestion
    private var answer: [UInt8] = []
    private var limit: Timer?
    private(set) var verdict: HealthVerdict?

    init(on loop: Loop, asking question: HealthQuestion) {
        self.question = question
        super.init(on: loop)
    }

    /// - Parameter limitMillis: time for the whole answer.
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
        // A failure to send ends the connection, which gives a verdict too.
        _ = request.withUnsafeBytes { send($0) }
    }

    override func didReceive(_ chunk: UnsafeRawBufferPointer) {
        // Only the first bytes are checked, so this holds at most one chunk and a few bytes.
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
