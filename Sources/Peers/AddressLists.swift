public import Addresses

/// The addresses that are always refused, and those that no limit applies to.
public struct AddressLists: Equatable, Sendable {
    /// The most prefixes of both lists together: far more than an operator writes, and as many as one public list has.
    public static let prefixesMax = 16_384
    static let prefixWords = 3
    static let bufferWords = 8 + prefixesMax * prefixWords

    public var denied = AddressSet([])
    public var allowed = AddressSet([])

    public init() {}
}

// Only the supervisor writes. There are two buffers: an even version says which one is complete, an odd one that the
// other one is being written.

extension PeerTable {
    /// Replaces the lists. At most `AddressLists.prefixesMax` prefixes of both together are written; the rest is
    /// ignored.
    public func write(denied: [AddressPrefix], allowed: [AddressPrefix]) {
        let version = words.acquire(Place.listVersion) & ~1
        words.release(version + 1, at: Place.listVersion)
        words.fenceStores()
        let buffer = words.dropFirst(buffer(of: version + 2))
        let all = denied.map { ($0, UInt64(1)) } + allowed.map { ($0, UInt64(0)) }
        var position = 8
        for (prefix, isDenied) in all.prefix(AddressLists.prefixesMax) {
            buffer[position] = prefix.address.high
            buffer[position + 1] = prefix.address.low
            buffer[position + 2] = UInt64(prefix.bits) << 1 | isDenied
            position += AddressLists.prefixWords
        }
        buffer[0] = UInt64(min(all.count, AddressLists.prefixesMax))
        words.release(version + 2, at: Place.listVersion)
    }

    /// The version of the lists; it changes with each write.
    public var listVersion: UInt64 { words.acquire(Place.listVersion) & ~1 }

    /// - Returns: nil when the lists were written meanwhile: read them again.
    public func lists(of version: UInt64) -> AddressLists? {
        guard version > 0 else { return AddressLists() }
        let buffer = words.dropFirst(buffer(of: version))
        var (denied, allowed): ([AddressPrefix], [AddressPrefix]) = ([], [])
        for number in 0..<min(Int(clamping: buffer[0]), AddressLists.prefixesMax) {
            let position = 8 + number * AddressLists.prefixWords
            let kind = buffer[position + 2]
            let address = IPAddress(high: buffer[position], low: buffer[position + 1])
            guard let prefix = AddressPrefix(address, bits: Int(clamping: kind >> 1)) else { continue }
            if kind & 1 == 1 { denied.append(prefix) } else { allowed.append(prefix) }
        }
        words.fenceLoads()
        // The write after the next one reuses the buffer of this version.
        guard words.acquire(Place.listVersion) < version + 3 else { return nil }
        var lists = AddressLists()
        lists.denied = AddressSet(denied)
        lists.allowed = AddressSet(allowed)
        return lists
    }

    private func buffer(of version: UInt64) -> Int { Place.lists + Int(version / 2 % 2) * AddressLists.bufferWords }
}
