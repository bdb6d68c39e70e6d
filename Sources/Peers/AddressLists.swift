public import Addresses

/// Addresses that are always refused, and those that no limit applies to.
public struct AddressLists: Equatable, Sendable {
    /// Prefixes of both lists together: far more than an operator writes, and what one list of a public feed has.
    public static let prefixesMax = 16_384
    static let prefixWords = 3
    static let bufferWords = 8 + prefixesMax * prefixWords

    public var denied = AddressSet([])
    public var allowed = AddressSet([])

    public init() {}
}

// The supervisor writes, everyone else reads. There are two buffers: an even version says which of them is whole, an odd one that
// the other is being written.

extension PeerTable {
    /// - Precondition: both lists have at most `AddressLists.prefixesMax` prefixes together; further ones are left out.
    public func write(denied: [AddressPrefix], allowed: [AddressPrefix]) {
        let version = words.acquire(Place.listVersion) & ~1
        words.release(version + 1, at: Place.listVersion)
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

    /// Changes with each writing of the lists.
    public var listVersion: UInt64 { words.acquire(Place.listVersion) & ~1 }

    /// - Returns: nil when they were written meanwhile: ask again.
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
        // The buffer of this version is written again by the next but one.
        guard words.acquire(Place.listVersion) < version + 3 else { return nil }
        var lists = AddressLists()
        lists.denied = AddressSet(denied)
        lists.allowed = AddressSet(allowed)
        return lists
    }

    private func buffer(of version: UInt64) -> Int { Place.lists + Int(version / 2 % 2) * AddressLists.bufferWords }
}
