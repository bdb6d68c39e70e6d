/// API requests that were refused because of their access token, since the gateway started.
package struct RefusedTokens: Equatable, Sendable {
    /// Without a token.
    package var missing: UInt64
    /// With a wrong token.
    package var wrong: UInt64
    /// Not checked, because the address had sent too many wrong tokens.
    package var throttled: UInt64

    package init(missing: UInt64 = 0, wrong: UInt64 = 0, throttled: UInt64 = 0) {
        self.missing = missing
        self.wrong = wrong
        self.throttled = throttled
    }
}
