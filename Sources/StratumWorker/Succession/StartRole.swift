internal import Continuity

/// The situation in which a process takes over.
enum StartRole: Equatable {
    /// No other process serves the shard: an earlier one, if any, has exited.
    case alone
    /// The predecessor is frozen and can continue at any moment until the supervisor ends it. Its state and its
    /// connections must not be changed before `go`.
    case besideFrozen
    /// The predecessor has ended after another shard absorbed it. Only events that the collector has not got are left.
    case absorbed

    /// Waits for its turn if the predecessor still serves. Errors that occur at the start of a program have occurred
    /// before that.
    static func ofThisProcess(_ launchContext: LaunchContext, _ lifeline: inout Lifeline) throws(HandoverRefusal)
        -> StartRole
    {
        guard launchContext.succession?.standsBeside == true else { return .alone }
        lifeline.say(.prepared)
        while true {
            switch lifeline.wait() {
            case .word(.adopt): return .besideFrozen
            case .word(.go): return .alone
            case .word(.absorbed): return .absorbed
            case .word(.freeze), .word(.resume), .word(.leave), .task, .release: break  // for a serving process
            case .absorb(let shard): lifeline.refuse(shard)
            case .cut: throw .supervisorIsGone
            }
        }
    }
}

/// Why a successor cannot take over while its predecessor could still continue.
enum HandoverRefusal: Error, CustomStringConvertible {
    case supervisorIsGone
    /// The saved state cannot be read.
    case unreadable(Takeover.Fault)
    /// The predecessor's anchor does not pass its descriptors.
    case noDescriptors

    var description: String {
        switch self {
        case .supervisorIsGone: "the supervisor exited"
        case .unreadable(let fault): "cannot restore the state of the previous process: \(fault)"
        case .noDescriptors: "cannot take over the connections of the previous process"
        }
    }
}
