/// A number with at most two decimals and always a decimal point: 0.0, 0.1, 12.34. All rates of the API have this form.
package struct Hundredths: JSONValue, Equatable, Sendable {
    /// Hundredths of the unit.
    let count: UInt64

    /// - Parameter count: hundredths of the unit.
    package init(_ count: UInt64) { self.count = count }

    /// A hashrate in H/s as kH/s, rounded down (xmrig-proxy issue 25). NaN and negative numbers become 0.
    init(kilohashes hashesPerSecond: Double) {
        // Tens of hashes are hundredths of kilohashes. `x / 1000 * 100` would turn 290 H/s into 0.28.
        let tens = hashesPerSecond / 10
        guard tens >= 1, tens.isFinite else {
            count = 0
            return
        }
        count = tens < 0x1p64 ? UInt64(tens) : .max
    }

    /// `numerator / denominator`, rounded down; 0 if `denominator` is 0.
    init(ratio numerator: UInt32, to denominator: UInt32) {
        count = denominator == 0 ? 0 : UInt64(numerator) * 100 / UInt64(denominator)
    }

    func append(to bytes: inout [UInt8]) {
        (count / 100).append(to: &bytes)
        let (tens, ones) = (count % 100).quotientAndRemainder(dividingBy: 10)
        bytes.append(UInt8(ascii: "."))
        bytes.append(UInt8(ascii: "0") + UInt8(tens))
        if ones > 0 { bytes.append(UInt8(ascii: "0") + UInt8(ones)) }
    }
}
