internal import CLinux

/// How a process returns freed memory to the system.
public enum Allocator {
    /// Returns large blocks as soon as they are freed. For a process that sometimes makes a large value (a snapshot, a
    /// page of ten thousand rows), so that it does not keep memory for the largest one. This costs page faults each
    /// time, so it is not for the path of a share. Call it before the process has a second thread.
    public static func returnFreedMemory() { clinux_return_freed_memory() }

    /// Returns every free page, also those between blocks in use. Call it after freeing much memory that is not needed
    /// again soon; with much memory it takes several milliseconds.
    public static func trim() { clinux_trim_heap() }
}
