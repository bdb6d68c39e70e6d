import Testing

@testable import Algorithms

struct AlgorithmTests {
    /// Canonical name, then its aliases: what XMRig 6.26 knows, written down independently of the table.
    static let spellings: [(canonical: String, others: String)] = [
        ("cn/0", "cryptonight/0 cryptonight cn"),
        ("cn/1", "cryptonight/1 cryptonight-monerov7 cryptonight_v7"),
        ("cn/2", "cryptonight/2 cryptonight-monerov8 cryptonight_v8"),
        ("cn/r", "cryptonight/r cryptonight_r"),
        ("cn/fast", "cryptonight/fast cryptonight/msr cn/msr"),
        ("cn/half", "cryptonight/half"), ("cn/xao", "cryptonight/xao cryptonight_alloy"),
        ("cn/rto", "cryptonight/rto"), ("cn/rwz", "cryptonight/rwz"), ("cn/zls", "cryptonight/zls"),
        ("cn/double", "cryptonight/double"), ("cn/ccx", "cryptonight/ccx cryptonight/conceal cn/conceal"),
        (
            "cn-lite/0",
            "cryptonight-lite/0 cryptonight-lite cryptonight-light cn-lite cn-light cryptonight_lite"
        ),
        ("cn-lite/1", "cryptonight-lite/1 cryptonight-aeonv7 cryptonight_lite_v7"),
        ("cn-heavy/0", "cryptonight-heavy/0 cryptonight-heavy cn-heavy cryptonight_heavy"),
        ("cn-heavy/xhv", "cryptonight-heavy/xhv cryptonight_haven"),
        ("cn-heavy/tube", "cryptonight-heavy/tube cryptonight-bittube2"),
        (
            "cn-pico",
            "cryptonight-pico cn-pico/0 cryptonight-pico/trtl cn-pico/trtl cryptonight-turtle cn-trtl "
                + "cryptonight-ultralite cn-ultralite cryptonight_turtle cn_turtle"
        ),
        (
            "cn-pico/tlo",
            "cryptonight-pico/tlo cryptonight/ultra cn/ultra cryptonight-talleo cn-talleo cryptonight_talleo cn_talleo"
        ),
        ("cn/upx2", "cryptonight/upx2 cn-extremelite/upx2 cryptonight-upx/2"),
        ("rx/0", "randomx/0 randomx/test rx/test randomx rx"), ("rx/2", "randomx/v2 rx/v2 randomx/2"),
        ("rx/wow", "randomx/wow randomwow"), ("rx/arq", "randomx/arq randomarq"),
        ("rx/graft", "randomx/graft randomgraft"), ("rx/sfx", "randomx/sfx randomsfx"),
        ("rx/yada", "randomx/yada randomyada"), ("argon2/chukwa", "chukwa"), ("argon2/chukwav2", "chukwav2"),
        ("argon2/ninja", "argon2/wrkz"), ("kawpow", "kawpow/rvn"), ("ghostrider", "ghostrider/rtm gr"),
    ]

    private static func name(of text: String) -> String? { Algorithm(named: text).map { "\($0.name)" } }

    private static func words(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }

    @Test(arguments: spellings)
    func everySpellingIsResolvedInAnyCase(canonical: String, others: String) {
        for name in [canonical] + AlgorithmTests.words(others) {
            let mixed = name.enumerated().map { $0 % 2 == 0 ? $1.uppercased() : String($1) }.joined()
            for spelling in [name, name.uppercased(), mixed] {
                #expect(AlgorithmTests.name(of: spelling) == canonical, "\(spelling)")
            }
        }
    }

    @Test func theTableHasTheseNamesAndEachOnce() {
        let expected = AlgorithmTests.spellings.flatMap { [$0.canonical] + AlgorithmTests.words($0.others) }
        #expect(Algorithm.allNames.sorted() == expected.sorted())
        #expect(Set(Algorithm.allNames).count == Algorithm.allNames.count)
        #expect(Algorithm.allCases.count == AlgorithmTests.spellings.count)
    }

    @Test(arguments: [
        "", " ", "rx/0 ", " rx/0", "rx/00", "rx/", "rx/1", "r", "rx\u{0}", "rx/0\u{0}", "\u{0}rx/0", "null", "auto",
        "monero", "xmr", "invalid", "cn/gpu", "astrobwt", "panthera", "rx-0", "cn-lite/2", "RX\u{2215}0", "ｒｘ/0",
        "cryptonight-ultralite/", "cryptonight-pico/trtl cryptonight-pico/trtl",
        "cryptonight-ultralite-cryptonight-ultralite", "zz", "@",
    ])
    func anyOtherTextIsNoName(text: String) {
        #expect(Algorithm(named: text) == nil)
    }

    /// Every text that differs from a name in one byte, so that neighbours in the order are tried too.
    @Test func aNameWithOneByteChangedIsAnotherNameOrNone() {
        let names = Set(Algorithm.allNames)
        for name in Algorithm.allNames {
            for position in name.utf8.indices {
                for byte in [UInt8(0), 0x2f, 0x30, 0x40, 0x5b, 0x60, 0x7b, 0x7f, 0xff] {
                    var bytes = Array(name.utf8)
                    bytes[name.utf8.distance(from: name.utf8.startIndex, to: position)] = byte
                    let text = String(validating: bytes, as: UTF8.self) ?? ""
                    #expect((Algorithm(named: bytes.span) != nil) == names.contains(text.lowercased()), "\(bytes)")
                }
            }
        }
    }

    @Test func theNonceHasItsPlace() {
        let unusual: [Algorithm: Int] = [.kawpow: 32, .ghostrider: 76, .rxYada: 147]
        for algorithm in Algorithm.allCases { #expect(algorithm.nonceOffset == unusual[algorithm] ?? 39) }
    }

    @Test func randomXNeedsASeedAndOnlyYadaWritesTargetsAsNumbers() {
        for algorithm in Algorithm.allCases {
            #expect(algorithm.needsSeed == "\(algorithm.name)".hasPrefix("rx/"))
            #expect(algorithm.hasBigEndianTarget == ("\(algorithm.name)" == "rx/yada"))
        }
    }

    @Test(arguments: [
        ("XMR", "Monero", Algorithm.rx0), ("SUMO", "Sumokoin", .cnR), ("ARQ", "ArQmA", .rxArq),
        ("GRFT", "Graft", .rxGraft), ("WOW", "Wownero", .rxWow), ("ZEPH", "Zephyr", .rx0),
        ("Townforge", "Townforge", .rx0), ("YDA", "YadaCoin", .rxYada),
    ])
    func aCoinIsFoundByItsSymbolAndName(symbol: String, name: String, algorithm: Algorithm) {
        for text in [symbol, name, symbol.lowercased(), name.uppercased(), name.lowercased()] {
            #expect(Coin.named(text)?.algorithm == algorithm)
        }
    }

    @Test(arguments: ["", "XM", "monero2", "rvn", "keva", "rx/0", "null", "doge"])
    func anyOtherTextIsNoCoin(text: String) {
        #expect(Coin.named(text) == nil)
    }
}
