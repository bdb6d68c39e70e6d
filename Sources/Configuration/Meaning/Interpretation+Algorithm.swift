internal import Algorithms

extension Interpretation {
    /// The canonical name of `algo`, or of the algorithm of `coin`; nil when neither is known.
    mutating func algorithm(of section: Section) -> String? {
        let named = section.text("algo").flatMap { text in
            let algorithm = Algorithm(named: text)
            if algorithm == nil { warn("algo", in: section, "algorithm", text, Interpretation.algorithmAdvice(text)) }
            return algorithm
        }
        let coined = section.text("coin").flatMap { text in
            let coin = Coin.named(text)
            if coin == nil { warn("coin", in: section, "coin", text, Interpretation.coinAdvice(text)) }
            return coin?.algorithm
        }
        return (named ?? coined).map { "\($0.name)" }
    }

    private mutating func warn(_ key: String, in section: Section, _ kind: String, _ text: String, _ advice: String) {
        findings.warn(
            section.name(of: key), at: section.origin(of: key),
            "unknown \(kind) \(shown(text)), ignored; \(advice)")
    }

    private static func algorithmAdvice(_ text: String) -> String {
        if let coin = Coin.named(text) {
            return "it is a coin: set \"coin\" to it, or \"algo\" to \"\(coin.algorithm.name)\""
        }
        guard let near = nearestName(to: text, among: Algorithm.allNames) else {
            return "docs/CONFIG.md lists all names, such as \"rx/0\""
        }
        return "did you mean \"\(near)\"?"
    }

    private static func coinAdvice(_ text: String) -> String {
        if Algorithm(named: text) != nil { return "it is an algorithm: set \"algo\" to it" }
        guard let near = nearestName(to: text, among: Coin.all.flatMap { [$0.name, $0.symbol] }) else {
            return "set \"algo\" to the algorithm of the coin"
        }
        return "did you mean \"\(near)\"?"
    }
}
