internal import EventLoop

/// Addresses of this machine that miners connect from, numbered: 127.0.0.1 is number 0, and there are 254 in each third
/// byte. Each has some 28,000 ports for one target, so that many miners want several.
struct SourceAddresses: Equatable {
    let first: Int
    let count: Int

    /// The one that a miner connects from.
    func address(of miner: Int) throws(SystemFailure) -> SocketAddress {
        let number = first + miner % count
        return try SocketAddress(host: "127.0.\(number / 254).\(number % 254 + 1)", port: 0)
    }

    /// nil when `text` is none of them.
    static func number(of text: String) -> Int? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard parts.count == 4, parts[0] == 127, parts[1] == 0, let third = parts[2], let last = parts[3],
            (1...254).contains(last)
        else { return nil }
        return Int(third) * 254 + Int(last) - 1
    }
}
