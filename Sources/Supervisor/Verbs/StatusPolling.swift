internal import Control
internal import Glibc

// How a verb waits for an operation of the service.

extension ServiceAddress {
    private static let intervalMicroseconds: UInt32 = 100_000
    private static let silent = "the service no longer answers; see its log"

    /// Asks for the status again and again until `judge` returns an outcome.
    /// - Parameters:
    ///   - seconds: nil when the operation has a deadline in the supervisor, so that it ends by itself.
    ///   - judge: gets the reply, or why there is none.
    /// - Returns: nil when the time is up.
    func poll(
        _ client: ControlClient, atMost seconds: Int? = nil,
        _ judge: (Result<ControlReply, ControlFailure>) -> VerbOutcome?
    ) -> VerbOutcome? {
        var rest = seconds.map { $0 * 1_000_000 / Int(ServiceAddress.intervalMicroseconds) } ?? .max
        while rest > 0 {
            rest -= 1
            do throws(ControlFailure) {
                let reply = try client.ask(.status, timeoutMilliseconds: ServiceAddress.patienceMillis)
                if let outcome = judge(.success(reply)) { return outcome }
            } catch {
                if let outcome = judge(.failure(error)) { return outcome }
            }
            usleep(ServiceAddress.intervalMicroseconds)
        }
        return nil
    }

    /// Polls the status of a service that must not end meanwhile.
    /// - Parameters:
    ///   - silencesMax: how often in a row it may leave a question unanswered.
    ///   - judge: nil while the operation is in progress.
    func watch(
        _ client: ControlClient, silencesMax: Int = 0, _ judge: (ServiceStatus) -> VerbOutcome?
    ) -> VerbOutcome {
        var silences = 0
        let outcome = poll(client) { result in
            switch result {
            case .success(.status(let status)):
                silences = 0
                return status.isStopping ? VerbOutcome(.failed, lines: ["the service is stopping"]) : judge(status)
            case .success where silencesMax == 0:
                return VerbOutcome(.failed, lines: ["unexpected answer of the service"])
            case .failure(let failure) where silencesMax == 0:
                return unanswered(failure)
            case .success, .failure:
                silences += 1
                return silences > silencesMax ? VerbOutcome(.failed, lines: [ServiceAddress.silent]) : nil
            }
        }
        return outcome ?? VerbOutcome(.failed, lines: [ServiceAddress.silent])
    }
}
