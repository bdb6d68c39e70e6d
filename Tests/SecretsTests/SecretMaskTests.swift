import Testing

@testable import Secrets

/// Our own credentials in the words of others.
@Suite struct SecretMaskTests {
    @Test(arguments: [
        ("bad password: hunter2!", "bad password: ***!"), ("hunter2", "***"), ("hunter2hunter2", "hunter2hunter2"),
        ("(hunter2)(hunter2)", "(***)(***)"), ("user:hunter2", "user:***"), ("hunter", "hunter"),
        ("a long-secret-token b", "a *** b"), ("xlong-secret-tokenx", "x***x"), ("x", "x"), ("", ""),
        ("key=päßword1", "key=***"),
    ])
    func secretsAreHidden(_ text: String, _ expected: String) {
        #expect(SecretMask(["x", "hunter2", "long-secret-token", "päßword1", ""]).masked(text) == expected)
    }

    /// A password that is a word of ours must not take our words apart.
    @Test func aShortSecretIsHiddenAsAWordOnly() {
        #expect(SecretMask(["miner"]).masked("miners: the miner left") == "miners: the *** left")
    }

    @Test func theLongerOfTwoIsHiddenWhole() {
        #expect(
            SecretMask(["secret-one", "secret-one-and-two"]).masked("secret-one-and-two, secret-one") == "***, ***")
    }
}
