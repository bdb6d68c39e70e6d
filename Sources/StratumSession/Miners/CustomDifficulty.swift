/// The rules of `custom-diff` and `login+N` (docs/COMPATIBILITY.md, "Custom difficulty").
public enum CustomDifficulty {
    /// Values outside are ignored.
    public static let range: ClosedRange<UInt64> = 100...2_147_483_646

    /// The difficulty that a miner asks for with the number after the last `+` of its login, else the operator's.
    /// - Returns: nil when neither is given and in range.
    public static func of(login: String, operatorsChoice: UInt64) -> UInt64? {
        if let plus = login.utf8.lastIndex(of: 0x2b) {
            let asked = decimalPrefix(of: login.utf8[login.utf8.index(after: plus)...])
            if range.contains(asked) { return asked }
        }
        return range.contains(operatorsChoice) ? operatorsChoice : nil
    }

    /// The number of the leading digits; 0 when there are none or it exceeds the range.
    private static func decimalPrefix(of text: Substring.UTF8View) -> UInt64 {
        var number: UInt64 = 0
        for byte in text {
            guard byte >= 0x30, byte <= 0x39 else { break }
            number = number * 10 + UInt64(byte - 0x30)
            guard number <= range.upperBound else { return 0 }
        }
        return number
    }
}
