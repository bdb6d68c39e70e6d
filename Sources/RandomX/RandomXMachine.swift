internal import CRandomX
internal import Synchronization

/// Computes RandomX hashes in light mode: 256 MiB for the cache, and about 20 to 50 ms of a core per hash. A machine
/// belongs to one thread; machines with the same `RandomXCaches` share the memory.
///
/// Running out of memory ends the process, as with any allocation in Swift.
public struct RandomXMachine: ~Copyable {
    private let caches: RandomXCaches
    /// nil until there is a key: a machine needs a cache.
    private var keyed: (raw: OpaquePointer, cache: RandomXCache)?

    public init(_ caches: RandomXCaches) {
        self.caches = caches
    }

    deinit {
        if let keyed { randomx_destroy_vm(keyed.raw) }
    }

    /// Prepares for hashes with `key`, which takes about a second unless the key was just in use.
    public mutating func prepare(key: [UInt8]) {
        _ = machine(for: key)
    }

    /// The hash of `input` with `key`: the blob of a Monero job with its `seed_hash`.
    public mutating func hash(_ input: Span<UInt8>, key: [UInt8]) -> InlineArray<32, UInt8> {
        let raw = machine(for: key)
        var hash = InlineArray<32, UInt8>(repeating: 0)
        var output = hash.mutableSpan
        input.withUnsafeBytes { input in
            output.withUnsafeMutableBytes { output in
                randomx_calculate_hash(raw, input.baseAddress, input.count, output.baseAddress)
            }
        }
        return hash
    }

    private mutating func machine(for key: [UInt8]) -> OpaquePointer {
        if let keyed, keyed.cache.key == key { return keyed.raw }
        let cache = caches.cache(for: key)
        let raw: OpaquePointer
        if let keyed {
            raw = keyed.raw
            randomx_vm_set_cache(raw, cache.raw)
        } else {
            guard let new = randomx_create_vm(randomx_get_flags(), cache.raw, nil) else {
                fatalError("no memory for RandomX")
            }
            raw = new
        }
        keyed = (raw, cache)
        return raw
    }
}

/// The cache of the newest key, initialized by the first machine that needs it. Older caches are kept while a machine
/// uses them.
public final class RandomXCaches: Sendable {
    private let newest = Mutex<RandomXCache?>(nil)

    public init() {}

    fileprivate func cache(for key: [UInt8]) -> RandomXCache {
        // Initialized under the lock: other threads want the same key and wait for it.
        newest.withLock { newest in
            if let newest, newest.key == key { return newest }
            // Release the old one first: two caches take half a gigabyte.
            newest = nil
            let cache = RandomXCache(key: key)
            newest = cache
            return cache
        }
    }
}

/// 256 MiB computed from a key; immutable once initialized.
private final class RandomXCache: @unchecked Sendable {
    let key: [UInt8]
    let raw: OpaquePointer

    init(key: [UInt8]) {
        guard let raw = randomx_alloc_cache(randomx_get_flags()) else { fatalError("no memory for RandomX") }
        key.withUnsafeBytes { randomx_init_cache(raw, $0.baseAddress, $0.count) }
        self.key = key
        self.raw = raw
    }

    deinit { randomx_release_cache(raw) }
}
