extension Algorithm {
    /// The algorithm with this canonical name or alias, in any case; nil when there is none.
    ///
    /// Called for each share with an algorithm: does not allocate and creates no string.
    public init?(named name: Span<UInt8>) {
        guard let name = FoldedName(name), let algorithm = NameTable.shared.algorithm(named: name) else { return nil }
        self = algorithm
    }

    /// The algorithm with this canonical name or alias, in any case; nil when there is none.
    public init?(named name: String) {
        let bytes = Array(name.utf8)
        self.init(named: bytes.span)
    }

    /// All names except the canonical one.
    var aliases: [StaticString] {
        switch self {
        case .cn0: ["cn", "cryptonight", "cryptonight/0"]
        case .cn1: ["cryptonight/1", "cryptonight-monerov7", "cryptonight_v7"]
        case .cn2: ["cryptonight/2", "cryptonight-monerov8", "cryptonight_v8"]
        case .cnR: ["cryptonight/r", "cryptonight_r"]
        case .cnFast: ["cn/msr", "cryptonight/fast", "cryptonight/msr"]
        case .cnHalf: ["cryptonight/half"]
        case .cnXao: ["cryptonight/xao", "cryptonight_alloy"]
        case .cnRto: ["cryptonight/rto"]
        case .cnRwz: ["cryptonight/rwz"]
        case .cnZls: ["cryptonight/zls"]
        case .cnDouble: ["cryptonight/double"]
        case .cnCcx: ["cn/conceal", "cryptonight/ccx", "cryptonight/conceal"]
        case .cnLite0:
            [
                "cn-lite", "cn-light", "cryptonight-lite", "cryptonight-lite/0", "cryptonight-light",
                "cryptonight_lite",
            ]
        case .cnLite1: ["cryptonight-aeonv7", "cryptonight-lite/1", "cryptonight_lite_v7"]
        case .cnHeavy0: ["cn-heavy", "cryptonight-heavy", "cryptonight-heavy/0", "cryptonight_heavy"]
        case .cnHeavyTube: ["cryptonight-bittube2", "cryptonight-heavy/tube"]
        case .cnHeavyXhv: ["cryptonight-heavy/xhv", "cryptonight_haven"]
        case .cnPico:
            [
                "cn-pico/0", "cn-pico/trtl", "cn-trtl", "cn-ultralite", "cn_turtle", "cryptonight-pico",
                "cryptonight-pico/trtl", "cryptonight-turtle", "cryptonight-ultralite", "cryptonight_turtle",
            ]
        case .cnPicoTlo:
            [
                "cn-talleo", "cn/ultra", "cn_talleo", "cryptonight-pico/tlo", "cryptonight-talleo",
                "cryptonight/ultra", "cryptonight_talleo",
            ]
        case .cnUpx2: ["cn-extremelite/upx2", "cryptonight-upx/2", "cryptonight/upx2"]
        case .rx0: ["randomx", "randomx/0", "randomx/test", "rx", "rx/test"]
        case .rx2: ["randomx/2", "randomx/v2", "rx/v2"]
        case .rxWow: ["randomwow", "randomx/wow"]
        case .rxArq: ["randomarq", "randomx/arq"]
        case .rxGraft: ["randomgraft", "randomx/graft"]
        case .rxSfx: ["randomsfx", "randomx/sfx"]
        case .rxYada: ["randomx/yada", "randomyada"]
        case .argon2Chukwa: ["chukwa"]
        // XMRig interprets it as version 1 of Chukwa, but no pool means that version.
        case .argon2ChukwaV2: ["chukwav2"]
        case .argon2Ninja: ["argon2/wrkz"]
        case .kawpow: ["kawpow/rvn"]
        case .ghostrider: ["ghostrider/rtm", "gr"]
        }
    }

    /// Every name of every algorithm, canonical names first.
    public static var allNames: [String] {
        allCases.map { "\($0.name)" } + allCases.flatMap(\.aliases).map { "\($0)" }
    }
}

/// A name in lower case as three integers. They compare like the bytes, and every comparison takes the same time.
struct FoldedName: Comparable {
    /// The longest name has 22 bytes.
    static let bytesMax = 24

    private var words = InlineArray<3, UInt64>(repeating: 0)

    /// nil when the text is longer than any name, or contains a NUL, which marks the end.
    init?(_ text: Span<UInt8>) {
        guard text.count <= FoldedName.bytesMax else { return nil }
        for position in text.indices {
            let byte = text[position]
            guard byte != 0 else { return nil }
            let isUpper = byte >= 0x41 && byte <= 0x5a
            words[position / 8] |= UInt64(isUpper ? byte | 0x20 : byte) << UInt64((7 - position % 8) * 8)
        }
    }

    static func == (left: FoldedName, right: FoldedName) -> Bool {
        left.words[0] == right.words[0] && left.words[1] == right.words[1] && left.words[2] == right.words[2]
    }

    static func < (left: FoldedName, right: FoldedName) -> Bool {
        for word in 0..<3 where left.words[word] != right.words[word] { return left.words[word] < right.words[word] }
        return false
    }
}

/// All names in ascending order, for a binary search.
private struct NameTable: Sendable {
    static let shared = NameTable()

    private let rows: [(name: FoldedName, algorithm: Algorithm)]

    private init() {
        var rows: [(name: FoldedName, algorithm: Algorithm)] = []
        for algorithm in Algorithm.allCases {
            for text in [algorithm.name] + algorithm.aliases {
                let bytes = text.withUTF8Buffer { Array($0) }
                guard let name = FoldedName(bytes.span) else { preconditionFailure("\(text) is too long") }
                rows.append((name, algorithm))
            }
        }
        self.rows = rows.sorted { $0.name < $1.name }
    }

    func algorithm(named name: FoldedName) -> Algorithm? {
        var low = 0
        var high = rows.count
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].name < name { low = middle + 1 } else { high = middle }
        }
        return low < rows.count && rows[low].name == name ? rows[low].algorithm : nil
    }
}
