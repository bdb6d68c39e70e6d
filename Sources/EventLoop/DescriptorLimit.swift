internal import CLibuv
internal import Glibc

/// The limit of open descriptors of this process. Each miner needs one.
public enum DescriptorLimit {
    /// Raises the soft limit to the hard limit, and the hard limit to `wished` where that is permitted.
    /// - Returns: the limit in force.
    public static func raise(to wished: UInt = 1_048_576) -> UInt {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        if limit.rlim_max < wished {
            var higher = rlimit(rlim_cur: wished, rlim_max: wished)
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &higher) == 0 { return wished }
        }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return current
    }

    /// The limit in force. It can be changed from outside the process (prlimit).
    public static var current: UInt {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        return limit.rlim_cur
    }
}
