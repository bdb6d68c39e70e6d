internal import Glibc

/// The scheduling policy of this process.
public enum Scheduling {
    /// SCHED_BATCH of sched.h, which the Glibc module does not export.
    private static let batch: Int32 = 3

    /// Selects SCHED_BATCH for this process and its children: they get the same share of the processors, but when they
    /// wake up they do not preempt running processes (docs/decisions/0010). A policy chosen by the operator is kept.
    public static func letRunningFinish() {
        guard sched_getscheduler(0) == SCHED_OTHER else { return }
        var parameters = sched_param(sched_priority: 0)
        // If this is not permitted, everything works, at a slightly higher cost.
        _ = sched_setscheduler(0, batch, &parameters)
    }
}
