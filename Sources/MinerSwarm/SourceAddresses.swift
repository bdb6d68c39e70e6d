internal import EventLoop

/// Numbered local addresses of miners: number 0 is 127.0.0.1, with 254 addresses per third byte. Each has about 28,000
/// ports for one target; more miners need several addresses.
struct SourceAddresses: Equatable {
    let first: Int
    let count: Int

    /// The address of a miner.
    func address(of miner: Int) throws(SystemFailure) -> SocketAddress {
        let number = first + miner % count
        return try SocketAddress(host: "127.0.\(number / 254).\(number % 254 + 1)", port: 0)
    }

    /// nil when `text` is not one of these addresses.
    static func number(of text: String) -> Int? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard parts.count == 4, parts[0] == 127, parts[1] == 0, let third = parts[2], let last = parts[3],
            (1...254).contains(last)
        else { return nil }
        return Int(third) * 254 + Int(last) - 1
    }
}
