/// SHA3-256 (FIPS 202), used for `Identity.id` once at the start. It saves a cryptographic library.
enum SHA3 {
    /// Bytes of input for each permutation.
    private static let rate = 136

    /// The digest, 32 bytes.
    static func digest256(_ message: [UInt8]) -> [UInt8] {
        var padded = message
        padded.append(0x06)
        padded.append(contentsOf: [UInt8](repeating: 0, count: (rate - padded.count % rate) % rate))
        padded[padded.count - 1] |= 0x80

        var lanes = [UInt64](repeating: 0, count: 25)
        for start in stride(from: 0, to: padded.count, by: rate) {
            for offset in 0..<rate {
                lanes[offset / 8] ^= UInt64(padded[start + offset]) << (8 * UInt64(offset % 8))
            }
            permute(&lanes)
        }
        return (0..<32).map { UInt8(truncatingIfNeeded: lanes[$0 / 8] >> (8 * UInt64($0 % 8))) }
    }

    /// Keccak-f[1600]: 24 rounds of the steps theta, rho and pi, chi, iota.
    private static func permute(_ lanes: inout [UInt64]) {
        for constant in roundConstants {
            var columns = [UInt64](repeating: 0, count: 5)
            for index in lanes.indices { columns[index % 5] ^= lanes[index] }
            for x in 0..<5 {
                let change = columns[(x + 4) % 5] ^ rotate(columns[(x + 1) % 5], 1)
                for y in 0..<5 { lanes[x + 5 * y] ^= change }
            }

            var (x, y) = (1, 0)
            var current = lanes[1]
            for step in 1...24 {
                (x, y) = (y, (2 * x + 3 * y) % 5)
                let next = lanes[x + 5 * y]
                lanes[x + 5 * y] = rotate(current, UInt64((step * (step + 1) / 2) % 64))
                current = next
            }

            for y in stride(from: 0, to: 25, by: 5) {
                let row = Array(lanes[y..<y + 5])
                for x in 0..<5 { lanes[y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]) }
            }
            lanes[0] ^= constant
        }
    }

    private static func rotate(_ lane: UInt64, _ count: UInt64) -> UInt64 {
        count == 0 ? lane : lane << count | lane >> (64 - count)
    }

    private static let roundConstants: [UInt64] = [
        0x0000_0000_0000_0001, 0x0000_0000_0000_8082, 0x8000_0000_0000_808a, 0x8000_0000_8000_8000,
        0x0000_0000_0000_808b, 0x0000_0000_8000_0001, 0x8000_0000_8000_8081, 0x8000_0000_0000_8009,
        0x0000_0000_0000_008a, 0x0000_0000_0000_0088, 0x0000_0000_8000_8009, 0x0000_0000_8000_000a,
        0x0000_0000_8000_808b, 0x8000_0000_0000_008b, 0x8000_0000_0000_8089, 0x8000_0000_0000_8003,
        0x8000_0000_0000_8002, 0x8000_0000_0000_0080, 0x0000_0000_0000_800a, 0x8000_0000_8000_000a,
        0x8000_0000_8000_8081, 0x8000_0000_0000_8080, 0x0000_0000_8000_0001, 0x8000_0000_8000_8008,
    ]
}
