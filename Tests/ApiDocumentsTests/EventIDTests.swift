import ApiFixtures
import Testing

@testable import ApiDocuments

@Suite struct EventIDTests {
    @Test func itsTextLeadsBackToIt() {
        var bytes: [UInt8] = []
        Stream.id(42).append(to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "\(Stream.epochText)-42")
        #expect(EventID("\(Stream.epochText)-42") == Stream.id(42))
        #expect(EventID("\(Stream.epochText)-9999999999999999999") == Stream.id(9_999_999_999_999_999_999))
    }

    @Test(arguments: [
        "", "-", "42", "\(Stream.epochText)", "\(Stream.epochText)-", "\(Stream.epochText)--1",
        "\(Stream.epochText)-+1",
        "\(Stream.epochText)-1-1", "\(Stream.epochText)-10000000000000000000",
        "\(Stream.epochText)-18446744073709551616",
        "\(Stream.epochText) -1",
        "+102030405060708090a0b0c0d0e0f10-1", "0102030405060708090A0B0C0D0E0F10-1", "0\(Stream.epochText)-1",
        "\(Stream.epochText)-\u{664}", "\u{e4}\(Stream.epochText)-1",
    ])
    func nothingElseIsOne(text: String) { #expect(EventID(text) == nil) }
}
