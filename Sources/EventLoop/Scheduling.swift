internal import Glibc

/// How the kernel shares the processors between this process and others.
public enum Scheduling {
    /// SCHED_BATCH of sched.h, which the module Glibc leaves out.
    private static let batch: Int32 = 3

    /// Asks for SCHED_BATCH, for this process and all that it starts: it gets as much time as before, but to be woken does not
    /// interrupt who is running (docs/decisions/0010). Whatever policy an operator has chosen stays.
    public static func letRunningFinish() {
        guard sched_getscheduler(0) == SCHED_OTHER else { return }
        var parameters = sched_param(sched_priority: 0)
        // Where it is not allowed, all works as well and costs a little more.
        _ = sched_setscheduler(0, batch, &parameters)
    }
}
