internal import Control

/// The connection to the supervisor: `ControlClient`, or a test.
protocol ControlChannel: Sendable {
    /// Blocks for at most `timeoutMilliseconds`.
    func ask(_ request: ControlRequest, timeoutMilliseconds: Int) throws(ControlFailure) -> ControlReply
}

extension ControlClient: ControlChannel {}
