import TestSupport
import Testing

@testable import Configuration

struct JSONReaderTests {
    private func read(_ text: String) throws -> JSONNode { try JSONReader.read(Array(text.utf8)) }

    private func value(_ text: String) throws -> JSONValue { try read(text).value }

    private func refusal(_ bytes: [UInt8]) -> JSONReader.SyntaxError? {
        do throws(JSONReader.SyntaxError) {
            _ = try JSONReader.read(bytes)
            return nil
        } catch { return error }
    }

    @Test func everyKindOfValueIsRead() throws {
        #expect(try value("null") == .null)
        #expect(try value(" true\n") == .boolean(true))
        #expect(try value("false") == .boolean(false))
        #expect(try value("-12") == .integer(-12))
        #expect(try value("9223372036854775807") == .integer(.max))
        #expect(try value("9223372036854775808") == .decimal(9_223_372_036_854_775_808))
        #expect(try value("1.5e2") == .decimal(150))
        #expect(try value("\"é\"") == .text("é"))
        #expect(try value("[]") == .array([]))
        #expect(try value("{}") == .object(JSONObject()))
    }

    @Test func escapesAreReplaced() throws {
        #expect(try value(#""\"\\\/\b\f\n\r\t""#) == .text("\"\\/\u{8}\u{c}\n\r\t"))
        #expect(try value(#""\u00e9\u20AC\ud83d\ude00""#) == .text("é€😀"))
    }

    @Test func commentsTrailingCommasAndAByteOrderMarkAreAllowed() throws {
        let text = """
            \u{feff}// first
            { /* a * b / c **/ "a": [1, 2,], // two
              "b": 3, }
            /* last */ //
            """
        guard case .object(let object) = try value(text) else { throw TestFailure("no object") }
        #expect(object.members.map(\.key) == ["a", "b"])
        #expect(object["b"]?.value == .integer(3))
    }

    @Test func keysAndValuesKnowTheirLineAndColumn() throws {
        guard case .object(let object) = try value("{\n  \"é\": 1, \"b\":\n\t[2]\n}") else {
            throw TestFailure("no object")
        }
        #expect(object.members[0].keyOrigin == .file(Position(line: 2, column: 3)))
        #expect(object.members[0].node.origin == .file(Position(line: 2, column: 8)))
        #expect(object.members[1].keyOrigin == .file(Position(line: 2, column: 11)))
        #expect(object.members[1].node.origin == .file(Position(line: 3, column: 2)))
    }

    @Test(arguments: [
        ("", 1, 1, "the file is empty, expected '{'"),
        ("{\"a\": 1\n  \"b\": 2}", 2, 3, "expected ',' or '}' after a member"),
        ("[1 2]", 1, 4, "expected ',' or ']' after a value"),
        ("{\"a\" 1}", 1, 6, "expected ':' after the key"),
        ("{a: 1}", 1, 2, "expected a key in double quotes, or '}'"),
        ("{,}", 1, 2, "expected a key in double quotes, or '}'"),
        ("[,]", 1, 2, "expected a value"),
        ("{\"a\": 'b'}", 1, 7, "expected a value; strings must be in double quotes"),
        ("[yes]", 1, 2, "expected a value; strings must be in double quotes (true, false and null are not strings)"),
        ("[\n1,", 2, 3, "the file ends, but the '[' of line 1, column 1 is not closed"),
        ("{\"a\":", 1, 6, "the file ends where a value was expected"),
        ("{} x", 1, 4, "expected the end of the file after the closing '}'"),
        ("[\"ab\ncd\"]", 1, 2, "this string is not closed on its line"),
        ("[\"ab", 1, 2, "this string is not closed"),
        ("[\"a\tb\"]", 1, 4, "a string may not contain a tab or other control character; write \\t or \\u0009"),
        ("[\"\\x\"]", 1, 3, "expected one of \" \\ / b f n r t u after '\\'"),
        ("[\"\\u12g4\"]", 1, 3, "expected four hex digits after '\\u', and surrogates only in pairs"),
        ("[\"\\ud800x\"]", 1, 3, "expected four hex digits after '\\u', and surrogates only in pairs"),
        ("[\"\\udc00\"]", 1, 3, "expected four hex digits after '\\u', and surrogates only in pairs"),
        ("[01]", 1, 2, "expected a number as JSON defines it; strings must be in double quotes"),
        ("[-]", 1, 2, "expected a number as JSON defines it; strings must be in double quotes"),
        ("[1.]", 1, 2, "expected a number as JSON defines it; strings must be in double quotes"),
        ("[1e999]", 1, 2, "expected a number as JSON defines it; strings must be in double quotes"),
        ("[1] /* open", 1, 5, "this comment is not closed with '*/'"),
        ("/ [1]", 1, 1, "expected '//' or '/*'"),
    ])
    func aSyntaxErrorSaysWhereAndWhatWasExpected(_ text: String, _ line: Int, _ column: Int, _ message: String) {
        let expected = JSONReader.SyntaxError(position: Position(line: line, column: column), message: message)
        #expect(refusal(Array(text.utf8)) == expected)
    }

    @Test func textThatIsNotUTF8IsRefused() {
        #expect(refusal([0x5b, 0x22, 0xff, 0x22, 0x5d])?.message == "this string is not UTF-8; save the file as UTF-8")
    }

    @Test func depthAndSizeAreLimited() {
        let depth = JSONReader.depthMax
        let brackets = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect(refusal(Array(brackets.utf8)) == nil)
        #expect(
            refusal(Array(repeating: UInt8(ascii: "["), count: 100_000))?.message == "nested more than 32 brackets deep"
        )
        let large = [UInt8](repeating: 0x20, count: JSONReader.bytesMax + 1)
        #expect(refusal(large)?.message == "the file is larger than 1024 KiB")
    }

    /// The reader recurses: what is accepted at the limit has to fit a small stack, whatever the nesting is made of.
    @Test(arguments: ["[", "{\"a\":", "[{\"a\":[[", "{\"a\":[{\"b\":"])
    func nestingOfEveryKindIsLimited(_ opening: String) {
        let text = String(repeating: opening, count: 20_000)
        #expect(refusal(Array(text.utf8))?.message == "nested more than \(JSONReader.depthMax) brackets deep")
    }

    @Test(arguments: [
        ("{\u{201c}a\u{201d}: 1}", "expected a key in double quotes, or '}'; found U+201C, a character outside ASCII"),
        ("{\"a\"\u{ff1a} 1}", "expected ':' after the key; found U+FF1A, a character outside ASCII"),
        ("[1\u{1f600}]", "expected ',' or ']' after a value; found U+1F600, a character outside ASCII"),
        ("[\u{feff}1]", "expected a value; found U+FEFF, a character outside ASCII"),
        (
            "[1]\u{a0}",
            "expected the end of the file after the closing '}'; found U+00A0, "
                + "a character outside ASCII"
        ),
    ])
    func aCharacterThatOnlyLooksRightIsNamed(_ text: String, _ message: String) {
        #expect(refusal(Array(text.utf8))?.message == message)
    }

    /// Half a character, an overlong one, a surrogate, and more than Unicode has.
    @Test(arguments: [[0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x80]] as [[UInt8]])
    func brokenUTF8IsRefusedInsideAndOutsideOfTexts(_ bytes: [UInt8]) {
        #expect(refusal([0x5b, 0x22] + bytes + [0x22, 0x5d])?.position == Position(line: 1, column: 2))
        #expect(refusal([0x5b] + bytes + [0x5d])?.message.hasPrefix("expected a value; found U+FFFD") == true)
        #expect(refusal(bytes) != nil)
    }

    @Test(arguments: [[0xff, 0xfe, 0x7b, 0x00], [0xfe, 0xff, 0x00, 0x7b], [0xff, 0xfe]] as [[UInt8]])
    func utf16IsCalledByItsName(_ bytes: [UInt8]) {
        #expect(refusal(bytes)?.message == "the file is UTF-16; save it as UTF-8")
    }

    @Test func membersGivenTwiceAreKeptInTheirOrder() throws {
        guard case .object(let object) = try value(#"{"a": 1, "b": 2, "a": 3, "": 4}"#) else {
            throw TestFailure("no object")
        }
        #expect(object.members.map(\.key) == ["a", "b", "a", ""])
        #expect(object["a"]?.value == .integer(1))
    }

    /// 20,000 mutations of a lively document, each through the whole of `resolve`. The invariant: an answer, never a
    /// trap; and settings exactly when there is no error.
    @Test func mutatedFilesNeverTrap() {
        let seed = """
            {"pools":[{"url":"[::1]:1","user":"${WALLET}","keepalive":true,"\\u00e9":1e5}],// c
            "bind":["0.0.0.0:1",{"host":"::","port":2}],/*d*/"workers":"ip","custom-diff":100,
            "http":{"enabled":true,"port":8},"millrace":{"shards":"auto"},"tls":false,}
            """
        let original = Array(seed.utf8)
        let alphabet = Array("{}[]\":,\\/*u0198-.eE+$ \n${}ftn%@".utf8) + [0x00, 0x7f, 0xc3, 0xa9, 0xff, 0xed, 0xa0]
        var random = SeededGenerator(seed: 1)
        for _ in 0..<20_000 {
            var bytes = original
            for _ in 0...random.below(3) { mutate(&bytes, alphabet, &random) }
            let file = ConfigurationFile(path: "f", bytes: bytes)
            let resolution = resolve(file: file, surroundings: .user)
            #expect((resolution.settings == nil) == !resolution.errors.isEmpty)
        }
    }

    private func mutate(_ bytes: inout [UInt8], _ alphabet: [UInt8], _ random: inout SeededGenerator) {
        let place = random.below(bytes.count + 1)
        let end = min(bytes.count, place + random.below(12))
        switch random.below(5) {
        case 0: bytes.insert(alphabet[random.below(alphabet.count)], at: place)
        case 1: bytes.removeSubrange(place..<end)
        case 2: bytes.removeSubrange(place...)
        case 3: bytes.insert(contentsOf: bytes[place..<end], at: random.below(bytes.count + 1))
        default: if place < bytes.count { bytes[place] = alphabet[random.below(alphabet.count)] }
        }
    }
}
