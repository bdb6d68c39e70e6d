internal import Continuity
internal import DaemonKit
internal import EventLoop
internal import Logging
internal import StratumSession

// The two sides of a planned handover: the frozen process and the standby (docs/decisions/0008).

extension Worker {
    /// Waits until the frozen predecessor has exited.
    func awaitTurn() throws(HandoverRefusal) {
        lifeline.say(.adopted)
        while true {
            switch lifeline.wait() {
            case .word(.go): return
            case .word(.adopt), .word(.freeze), .word(.resume), .word(.leave), .word(.absorbed), .task, .release: break
            case .absorb(let shard): lifeline.refuse(shard)
            case .cut: throw .supervisorIsGone
            }
        }
    }

    /// Saves the state for the standby, and freezes until the supervisor sends the outcome of the handover.
    func freeze() {
        flush()
        if !journal.isKept, stopDeadline == nil { journal.begin() }
        // An older program cannot read refusals that are not reported yet.
        recordCheckpoint()
        journal.renew()
        lifeline.say(journal.isKept && shard.outbox.isEmpty ? .froze : .cannotFreeze)
        while true {
            switch lifeline.wait() {
            case .word(.leave): ExitCode.stopped.exitNow()
            case .word(.resume): return log.notice("handover cancelled; continuing")
            case .word(.absorbed): return leaveAbsorbed()
            case .release(let part): return release(ReleasedPart(part))
            case .word(.freeze), .word(.adopt), .word(.go), .task: break
            case .absorb(let shard): lifeline.refuse(shard)
            case .cut: return supervisorGone()
            }
        }
    }

    /// A planned end: saves the latest state for the successor. Does not return.
    func leaveToSuccessor() {
        flush()
        recordCheckpoint()
        journal.renew()
        ExitCode.stopped.exitNow()
    }
}
