internal import CLinux
internal import Glibc

/// Attributes that the kernel keeps of this process.
public enum ThisProcess {
    /// The name that process lists show; cut to 15 bytes.
    public static func setName(_ name: String) { clinux_set_process_name(name) }

    /// The kernel sends `signal` to this process when its parent exits.
    public static func setParentExitSignal(_ signal: Int32) { _ = clinux_set_parent_death_signal(signal) }

    /// Raises oom_score_adj by `more` (thousandths of the memory that there is), so that the kernel kills this process before its
    /// supervisor when memory runs out. Its anchor takes that back. Once, before the anchor is started.
    public static func offerToOOMKiller(_ more: Int32) { clinux_offer_to_oom_killer(more) }

    /// Marks all open descriptors from `first` on as close-on-exec.
    public static func closeOnExec(from first: Int32) { _ = clinux_close_on_exec_from(UInt32(first)) }

    /// Descendants that lose their parent become children of this process (PR_SET_CHILD_SUBREAPER), as those of PID 1 do.
    public static func adoptOrphans() throws(SystemCallFailure) {
        guard clinux_adopt_orphans() == 0 else { throw SystemCallFailure("adopt orphans", code: errno) }
    }

    /// A child that has exited and has not been waited for; it stays so. nil when there is none.
    public static var exitedChild: Int32? {
        let process = clinux_dead_child()
        return process > 0 ? process : nil
    }

    /// A word of the command line in the memory where the kernel shows it, for process lists.
    /// - Parameter index: 0 is the program. The caller knows how many there are.
    public static func argument(_ index: Int) -> UnsafeMutablePointer<CChar>? { clinux_argument(Int32(index)) }

    /// The commit that a release was built from; nil in builds for development.
    public static var buildCommit: String? { clinux_build_commit().map { String(cString: $0) } }

    /// The GNU build id of this program: a hash over its contents that the linker has written into it. nil when it has none.
    public static var buildID: [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = clinux_build_id(&bytes, Int32(bytes.count))
        return count > 0 ? Array(bytes.prefix(Int(count))) : nil
    }
}
