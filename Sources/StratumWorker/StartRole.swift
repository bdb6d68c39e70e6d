internal import Continuity

/// What a process finds when its turn comes.
enum StartRole: Equatable {
    /// Nobody else serves in its place: what there is of a predecessor is dead.
    case alone
    /// The predecessor stands still and can go on at any moment, until the supervisor has told it to leave: nothing of its
    /// state and of its connections may be touched before the word to go.
    case besideFrozen
    /// The predecessor has ended after another shard had absorbed it: what is left are events that nobody has taken.
    case absorbed

    /// Waits for the turn of this process, when its predecessor still serves: everything that can go wrong with the start of a
    /// program has gone wrong before then.
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
            case .word(.freeze), .word(.resume), .word(.leave), .task, .release: break  // are said to those who serve
            case .absorb(let shard): lifeline.refuse(shard)
            case .cut: throw .supervisorIsGone
            }
        }
    }
}

/// Why a successor cannot take over while its predecessor still could go on.
enum HandoverRefusal: Error, CustomStringConvertible {
    case supervisorIsGone
    /// The state of the predecessor cannot be read.
    case unreadable(Takeover.Fault)
    /// The predecessor's anchor does not hand out its connections.
    case noDescriptors

    var description: String {
        switch self {
        case .supervisorIsGone: "the supervisor exited"
        case .unreadable(let fault): "cannot restore the state of the previous process: \(fault)"
        case .noDescriptors: "cannot take over the connections of the previous process"
        }
    }
}
