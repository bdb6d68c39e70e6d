import Testing

@testable import StratumProtocol

struct DifficultyTests {
    @Test(arguments: [
        (UInt32(0x0006_8db8), UInt64(10_000)), (0xffff_ffff, 1), (0x7fff_ffff, 2), (0x0000_0001, 4_294_967_295),
        (0x0000_0002, 2_147_483_647), (0x0000_1062, 1_024_074),
    ])
    func aTargetOfFourBytesMeansADifficulty(target: UInt32, difficulty: UInt64) {
        // docs/COMPATIBILITY.md, "Jobs and difficulty", by hand: 2⁶⁴−1 ÷ (2⁶⁴−1 ÷ (2³²−1 ÷ target)).
        #expect(Difficulty.of(target32: target) == difficulty)
    }

    @Test(arguments: [
        (UInt64.max, UInt64(1)), (1, .max), (0x0000_0000_ffff_ffff, 4_294_967_297), (1 << 63, 1),
        (0x0006_8db8_bac7_10cb, 10_000),
    ])
    func aTargetOfEightBytesMeansADifficulty(target: UInt64, difficulty: UInt64) {
        #expect(Difficulty.of(target64: target) == difficulty)
    }

    @Test func theTargetZeroIsImpossible() {
        #expect(Difficulty.of(target32: 0) == nil)
        #expect(Difficulty.of(target64: 0) == nil)
    }

    @Test func aHashHasTheDifficultyOfItsLastEightBytes() {
        #expect(Difficulty.tail(of: hash(tail: 0x0102_0304_0506_0708)) == 0x0102_0304_0506_0708)
        #expect(Difficulty.ofHash(tail: 0x0006_8db8_bac7_10cb) == 10_000)
        #expect(Difficulty.ofHash(tail: 1) == .max)
        #expect(Difficulty.ofHash(tail: 0) == 0)
        #expect(Difficulty.ofHash(tail: .max) == 1)
    }

    @Test(arguments: [
        (UInt64(5_000), UInt32(858_993)), (20_000, 214_748), (100, 42_949_672), (2_147_483_646, 2), (1, .max),
        (0, .max),
        (.max, 1), (1 << 33, 1),
    ])
    func aCustomDifficultyIsTheUpperHalfOfItsTarget(difficulty: UInt64, target: UInt32) {
        #expect(Difficulty.target32(for: difficulty) == target)
    }

    @Test(arguments: [(UInt64(6_250), UInt64(0x000a_7c5a_c471_b478)), (1, .max), (0, .max), (.max, 1)])
    func aTargetOfEightBytesHasTheWholeQuotient(difficulty: UInt64, target: UInt64) {
        #expect(Difficulty.target64(for: difficulty) == target)
        #expect(Difficulty.of(target64: target) == max(1, difficulty))
    }

    @Test func aMinerThatMeetsItsCustomTargetMeetsItsCustomDifficulty() throws {
        var difficulty: UInt64 = 100
        while difficulty < 2_147_483_646 {
            let target = Difficulty.target32(for: difficulty)
            // The miner widens the target by its own divisions; its worst hash must still be good enough for us.
            let asked = try #require(Difficulty.of(target32: target))
            #expect(Difficulty.ofHash(tail: UInt64.max / asked) >= difficulty)
            difficulty += difficulty / 37 + 1
        }
    }
}

struct HexTests {
    // (`#expect` cannot take a span.)
    private func byte(_ text: [UInt8], at position: Int) -> UInt8? { Hex.byte(text.span, at: position) }

    @Test func everyDigitHasItsValueAndNothingElseHasOne() {
        for byte in UInt8.min...UInt8.max {
            let character = Character(UnicodeScalar(byte))
            let expected = byte < 0x80 ? character.hexDigitValue.map(UInt8.init) : nil
            #expect(Hex.value(of: byte) == expected)
        }
    }

    @Test func bytesGoThereAndBack() throws {
        var text: [UInt8] = []
        for byte in UInt8.min...UInt8.max { text.append(hex: byte) }
        for value in UInt8.min...UInt8.max { #expect(byte(text, at: Int(value) * 2) == value) }
        #expect(text.elementsEqual(text.map { String(UnicodeScalar($0)).lowercased().utf8.first! }))
    }

    @Test func aByteThatIsNotWholeIsNone() {
        let text = Array("0aF".utf8)
        #expect(byte(text, at: 1) == 0xaf)
        #expect(byte(text, at: 2) == nil)
        #expect(byte(text, at: -1) == nil)
        #expect(byte(text, at: .max) == nil)
        let none: [UInt8] = []
        #expect(byte(none, at: 0) == nil)
    }

    @Test(arguments: ["", "0", "00112", "0011223", "0011223g", "001122334", "0011 233", "0x112233"])
    func fourBytesAreExactlyEightDigits(text: String) {
        let bytes = Array(text.utf8)
        let decoded: InlineArray<4, UInt8>? = Hex.decode(bytes.span)
        #expect(decoded == nil)
        let isHex = Hex.isHex(bytes.span, count: 8)
        #expect(!isHex)
    }

    @Test(arguments: [
        ("000a7c5ac471b473", UInt64?(0x000a_7c5a_c471_b473)), ("ffff", 0xffff), ("FfFfFfFfFfFfFfFf", .max), ("0000", 0),
        ("12345", 0x12345), ("", nil), ("fff", nil), ("00000000000000001", nil), ("12g4", nil), ("0x1234", nil),
    ])
    func aNumberHasFourToSixteenDigits(text: String, number: UInt64?) {
        let bytes = Array(text.utf8)
        let read = Hex.number(bytes.span)
        #expect(read == number)
    }

    @Test func numbersAreWrittenAsStratumWantsThem() {
        #expect(written { $0.append(hex64: 0x0123_4567_89ab_cdef) } == "0123456789abcdef")
        #expect(written { $0.append(hexLittleEndian: 0x0123_4567) } == "67452301")
    }
}

struct BytesTests {
    @Test(arguments: [Int64.min, -1, 0, 1, 9, 10, 99, 100, .max])
    func decimalsAreWrittenAsSwiftWritesThem(number: Int64) {
        #expect(written { $0.append(decimal: number) } == "\(number)")
    }

    @Test func theLargestDecimalHasTwentyDigits() {
        #expect(written { $0.append(decimal: UInt64.max) } == "18446744073709551615")
    }

    @Test func whatJSONDemandsIsEscapedAndTheRestKept() {
        let text = "a\"b\\c\n\u{1}\u{1f}\u{7f}/é⛏"
        #expect(written { $0.append(jsonEscaped: text) } == "a\\\"b\\\\c\\u000a\\u0001\\u001f\u{7f}/é⛏")
        #expect(
            written { $0.append(jsonEscaped: name(text, InlineBytes<64>.self)) }
                == written { $0.append(jsonEscaped: text) })
    }

    @Test(arguments: ["", "\"", "\\\"", "a\"", "\"a", "a\u{0}b\u{1f}", "plain text", "é\"⛏\\ü"])
    func escapesStandWhereverTheyAreNeeded(text: String) throws {
        let bytes = Array(text.utf8)
        let line = written { $0.append(jsonEscaped: bytes.span) }
        #expect(line == written { $0.append(jsonEscaped: text) })
        let document = Array("\"\(line)\"".utf8)
        #expect(JSONParser().parse(document.span) { $0.string } == text)
    }

    @Test func inlineBytesHoldUpToTheirCapacity() {
        #expect(InlineBytes<4>("four")?.text == "four")
        #expect(InlineBytes<4>("fives") == nil)
        #expect(InlineBytes<4>("")?.isEmpty == true)
        #expect(InlineBytes<4>().text == "")
    }

    @Test func inlineBytesAreEqualWhenTheirTextsAre() {
        #expect(name("abc", InlineBytes<8>.self) == name("abc", InlineBytes<8>.self))
        #expect(name("abc", InlineBytes<8>.self) != name("abd", InlineBytes<8>.self))
        #expect(name("abc", InlineBytes<8>.self) != name("ab", InlineBytes<8>.self))
        #expect(name("ab", InlineBytes<8>.self) != name("ab\0", InlineBytes<8>.self))
        #expect(written { name("abc", InlineBytes<8>.self).append(to: &$0) } == "abc")
    }
}
