internal import CLinux

/// How a process deals with the memory that it has freed.
public enum Allocator {
    /// Gives large blocks back as soon as they are freed: for a process that makes something large now and then (a
    /// snapshot, a page of ten thousand rows) and should not keep room for the largest one ever. It costs some
    /// page faults each time, so it is not for the path of a share. Call it first of all, before there is a thread.
    public static func returnFreedMemory() { clinux_return_freed_memory() }

    /// Gives back every page that is free now, also those that lie between blocks in use: for the moment after much has been
    /// freed that is not made again soon. Takes some milliseconds where there is much.
    public static func trim() { clinux_trim_heap() }
}
