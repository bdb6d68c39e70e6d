internal import CLibuv
internal import Glibc

/// How many descriptors this process may hold: two for each miner would be plenty, one is what it takes.
public enum DescriptorLimit {
    /// Raises the soft limit to the hard one, and the hard one to `wished` where the system allows it.
    /// - Returns: the limit now in force.
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

    /// The limit now in force: it may be changed from outside while we run (prlimit).
    public static var current: UInt {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        return limit.rlim_cur
    }
}
