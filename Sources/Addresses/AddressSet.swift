/// Many prefixes, found by one look for each length that occurs.
public struct AddressSet: Equatable, Sendable {
    private struct Group: Equatable {
        let bits: Int
        let isIPv4: Bool
        var addresses: Set<IPAddress>
    }

    private var groups: [Group] = []

    public init(_ prefixes: some Sequence<AddressPrefix>) {
        for prefix in prefixes {
            let isIPv4 = prefix.address.isIPv4
            if let index = groups.firstIndex(where: { $0.bits == prefix.bits && $0.isIPv4 == isIPv4 }) {
                groups[index].addresses.insert(prefix.address)
            } else {
                groups.append(Group(bits: prefix.bits, isIPv4: isIPv4, addresses: [prefix.address]))
            }
        }
    }

    public var isEmpty: Bool { groups.isEmpty }

    public func contains(_ address: IPAddress) -> Bool {
        groups.contains { group in
            let masks = AddressPrefix.masks(group.bits)
            return group.isIPv4 == address.isIPv4
                && group.addresses.contains(
                    IPAddress(high: address.high & masks.high, low: address.low & masks.low))
        }
    }
}
