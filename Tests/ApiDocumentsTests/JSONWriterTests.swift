import Testing

@testable import ApiDocuments

@Suite struct JSONWriterTests {
    private func text(_ write: (inout JSONWriter) -> Void) -> String {
        var json = JSONWriter()
        write(&json)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    @Test func anObjectHasAMemberPerLineAndNoCommaTooMany() {
        let written = text {
            $0.object {
                $0.member("a", UInt64(1))
                $0.object("b") { $0.member("c", true) }
                $0.array("d", .onePerLine, ["x", "y"])
                $0.array("e", .inLine, [UInt64(1), 2])
            }
        }
        #expect(
            written == """
                {
                    "a": 1,
                    "b": {
                        "c": true
                    },
                    "d": [
                        "x",
                        "y"
                    ],
                    "e": [1, 2]
                }
                """)
    }

    @Test func emptyContainersStandInOneLine() {
        #expect(text { $0.object { _ in } } == "{}")
        #expect(text { $0.array(.onePerLine) { _ in } } == "[]")
        #expect(text { $0.array(.inLine) { $0.array(.onePerLine) { _ in } } } == "[[]]")
    }

    @Test func whatStandsInALineStaysInIt() {
        let written = text {
            $0.array(.inLine) {
                $0.element(UInt64(1))
                $0.array(.onePerLine) { json in
                    json.element(UInt64(2))
                    json.element(UInt64(3))
                }
                $0.element(UInt64(4))
            }
        }
        #expect(written == "[1, [2, 3], 4]")
    }

    @Test func aLineEndsWithItsArray() {
        let written = text {
            $0.array(.onePerLine) {
                $0.array(.inLine) { $0.element(UInt64(1)) }
                $0.array(.inLine) { $0.element(UInt64(2)) }
            }
        }
        #expect(written == "[\n    [1],\n    [2]\n]")
    }

    @Test(
        arguments: [
            (0.0, "0.0"), (9.99, "0.0"), (10, "0.01"), (100, "0.1"), (109.99, "0.1"), (290, "0.29"), (570, "0.57"),
            (1_000, "1.0"), (12_345.6, "12.34"), (1e9, "1000000.0"), (-5, "0.0"), (.nan, "0.0"), (.infinity, "0.0"),
            (.leastNonzeroMagnitude, "0.0"), (.greatestFiniteMagnitude, "184467440737095516.15"),
        ] as [(Double, String)])
    func aRateIsRoundedDownToTwoDecimals(hashesPerSecond: Double, expected: String) {
        #expect(text { $0.element(Hundredths(kilohashes: hashesPerSecond)) } == expected)
    }

    @Test(
        arguments: [
            (300, 7, "42.85"), (1, 3, "0.33"), (256, 1, "256.0"), (5, 0, "0.0"), (0, 4, "0.0"),
        ] as [(UInt32, UInt32, String)])
    func aRatioIsRoundedDownToTwoDecimals(numerator: UInt32, denominator: UInt32, expected: String) {
        #expect(text { $0.element(Hundredths(ratio: numerator, to: denominator)) } == expected)
    }

    @Test(arguments: [(0, "0"), (7, "7"), (10, "10"), (.max, "18446744073709551615")] as [(UInt64, String)])
    func wholeNumbers(value: UInt64, expected: String) {
        #expect(text { $0.element(value) } == expected)
    }

    @Test(arguments: [
        ("", #""""#), ("plain", #""plain""#), (#"a"b"#, #""a\"b""#), (#"a\b"#, #""a\\b""#),
        ("\n\r\t", #""\n\r\t""#), ("\u{0}\u{8}\u{1f}", #""\u0000\u0008\u001f""#), ("\u{7f}é🛠/", "\"\u{7f}é🛠/\""),
    ])
    func whatJSONForbidsIsEscaped(value: String, expected: String) {
        #expect(text { $0.element(value) } == expected)
    }
}
