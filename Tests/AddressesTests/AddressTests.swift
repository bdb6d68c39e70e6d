import Addresses
import Testing

struct IPAddressTests {
    @Test(arguments: [
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("0:0:1:0:0:0:1:0", "0:0:1::1:0"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::ffff:1.2.3.4", "1.2.3.4"),
        ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"), ("1.2.3.4", "1.2.3.4"),
    ])
    func textIsReadAndWrittenAsTheSystemDoes(text: String, written: String) {
        #expect(IPAddress(text)?.text == written)
    }

    @Test(arguments: [
        "", ":", ":::", "1:", ":1", "1::2::3", "12345::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3::4:5:6:7:8",
        "1:2:3:4:5:6:7:1.2.3.4", "1.2.3.4::", "::1.2.3", "::1%lo", "[::1]", "1.2.3", "1.2.3.4.5", "1.2.3.04",
        "1.2.3.256",
        "1.2.3.4 ", "+1.2.3.4", "::g",
    ])
    func anythingElseIsNoAddress(text: String) { #expect(IPAddress(text) == nil) }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.1", false), ("10.9.9.9/8", "10.1.1.1", true),
        ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.6", false), ("0.0.0.0/0", "203.0.113.1", true),
        ("0.0.0.0/0", "::1", false), ("::/0", "192.0.2.1", false), ("::/0", "2001:db8::1", true),
        ("fd00::/8", "fdff::1", true), ("fd00::/8", "fe00::1", false), ("2001:db8::/64", "2001:db8::9", true),
        ("2001:db8::/65", "2001:db8:0:0:8000::", false), ("::1", "::1", true), ("::1/127", "::", true),
        ("::ffff:10.0.0.0/104", "10.1.2.3", true), ("192.0.2.128/25", "192.0.2.127", false),
    ])
    func aPrefixContainsWhatBeginsLikeIt(prefix: String, address: String, isInside: Bool) throws {
        #expect(try #require(AddressPrefix(prefix)).contains(try #require(IPAddress(address))) == isInside)
    }

    @Test(arguments: [
        "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/08", "10/8", "10.0.0.0/-1", "/8", "a/8", "::1/1/1",
    ])
    func whatIsNoPrefixIsNone(text: String) { #expect(AddressPrefix(text) == nil) }
}

struct NetworkTests {
    @Test(
        arguments: [
            ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("127.0.0.1", "127.0.0.1"),
            ("2001:db8:0:7:1:2:3:4", "2001:db8:0:7::/64"), ("2001:db8:0:7::", "2001:db8:0:7::/64"), ("::1", "::/64"),
            ("fe80::1", "fe80::/64"),
        ])
    func anIPv6NetworkIsOneClient(text: String, shown: String) {
        #expect(Network(text)?.text == shown)
    }

    @Test func mappedAddressesAreNotOneNetwork() {
        #expect(Network("::ffff:192.0.2.7") == Network("192.0.2.7"))
        #expect(Network("::ffff:192.0.2.7") != Network("::ffff:192.0.2.8"))
        #expect(Network("2001:db8::1") == Network("2001:db8::ffff:ffff:ffff:ffff"))
        #expect(Network("2001:db8::1") != Network("2001:db8:0:1::1"))
        #expect(Network("nonsense") == nil && Network("1.2.3") == nil)
    }

    @Test func networksAreReadAsTheyAreWritten() {
        for text in ["192.0.2.7", "2001:db8:0:7::/64", "::/64"] { #expect(Network(text)?.text == text) }
        #expect(Network("192.0.2.7/64") == nil && Network("2001:db8::/48") == nil)
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.255.0.9", true), ("::1", true), ("::ffff:127.0.0.1", true), ("128.0.0.1", false),
        ("126.255.255.255", false), ("fe80::1", false), ("0.0.0.0", false),
    ])
    func loopbackIsKnown(text: String, isLoopback: Bool) { #expect(Network(text)?.isLoopback == isLoopback) }
}
