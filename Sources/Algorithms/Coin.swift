/// A coin of XMRig 6.26, for configurations with a coin instead of an algorithm.
///
/// Ravencoin is missing: its pools use another dialect of Stratum.
public struct Coin: Sendable {
    public let symbol: String
    public let name: String
    public let algorithm: Algorithm

    public static let all = [
        Coin(symbol: "XMR", name: "Monero", algorithm: .rx0),
        Coin(symbol: "SUMO", name: "Sumokoin", algorithm: .cnR),
        Coin(symbol: "ARQ", name: "ArQmA", algorithm: .rxArq),
        Coin(symbol: "GRFT", name: "Graft", algorithm: .rxGraft),
        Coin(symbol: "WOW", name: "Wownero", algorithm: .rxWow),
        Coin(symbol: "ZEPH", name: "Zephyr", algorithm: .rx0),
        Coin(symbol: "Townforge", name: "Townforge", algorithm: .rx0),
        Coin(symbol: "YDA", name: "YadaCoin", algorithm: .rxYada),
    ]

    /// The coin with this symbol or name, in any case; nil when there is none.
    public static func named(_ text: String) -> Coin? {
        let folded = text.lowercased()
        return all.first { $0.symbol.lowercased() == folded || $0.name.lowercased() == folded }
    }
}
