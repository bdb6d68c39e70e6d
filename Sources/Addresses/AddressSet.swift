/// A set of prefixes. A search takes one lookup for each prefix length that occurs.
public struct AddressSet: Equatable, Sendable {
    private let prefixes: Set<AddressPrefix>
    private let lengths: Set<Int>

    public init(_ prefixes: some Sequence<AddressPrefix>) {
        self.prefixes = Set(prefixes)
        lengths = Set(self.prefixes.map(\.bits))
    }

    public var isEmpty: Bool { prefixes.isEmpty }

    public func contains(_ address: IPAddress) -> Bool {
        lengths.contains { bits in
            AddressPrefix(address, bits: bits).map { prefixes.contains($0) && $0.contains(address) } ?? false
        }
    }
}
