/// Writes Prometheus's text format 0.0.4: families of samples, each with its HELP and TYPE.
///
/// ```swift
/// metrics.family("millrace_miners", .gauge, "Miners that are logged in.", 300)
/// metrics.family("millrace_upstreams", .gauge, "Pool connections by state.") {
///     $0.sample(7, ("state", "active"))
///     $0.sample(1, ("state", "sleep"))
/// }
/// ```
struct MetricsWriter {
    enum Kind: String {
        case counter, gauge, summary
    }

    /// The value of a sample. Decimal fractions are not converted to binary ones.
    enum Value: ExpressibleByIntegerLiteral {
        case whole(UInt64)
        /// A whole number of tenths (1 digit), …, millionths (6 digits).
        case fraction(UInt64, digits: Int)
        case real(Double)

        init(integerLiteral value: UInt64) { self = .whole(value) }

        static func whole(_ value: UInt32) -> Value { .whole(UInt64(value)) }
        static func flag(_ value: Bool) -> Value { .whole(value ? 1 : UInt64(0)) }
        static func milliseconds(_ value: UInt64) -> Value { .fraction(value, digits: 3) }
    }

    typealias Label = (name: StaticString, value: String)

    private(set) var bytes: [UInt8] = []
    private var family: (name: StaticString, kind: Kind, help: StaticString)?
    /// HELP and TYPE are written with the first sample: a family without samples is omitted.
    private var isHeadWritten = false

    init(reserving capacity: Int = 16_384) {
        bytes.reserveCapacity(capacity)
    }

    mutating func family(
        _ name: StaticString, _ kind: Kind, _ help: StaticString, _ samples: (inout MetricsWriter) -> Void
    ) {
        family = (name, kind, help)
        isHeadWritten = false
        samples(&self)
    }

    /// A family of one sample; nil = unknown: the family is omitted.
    mutating func family(_ name: StaticString, _ kind: Kind, _ help: StaticString, _ value: Value?) {
        guard let value else { return }
        family(name, kind, help) { $0.sample(value) }
    }

    /// One sample of the family.
    mutating func sample(_ value: Value, _ labels: Label..., suffix: StaticString = "") {
        sample(value, labels, suffix: suffix)
    }

    mutating func sample(_ value: Value, _ labels: [Label], suffix: StaticString = "") {
        guard let family else { return }
        writeHead()
        append(family.name)
        append(suffix)
        if !labels.isEmpty {
            bytes.append(UInt8(ascii: "{"))
            for (index, label) in labels.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                append(label.name)
                bytes.append(UInt8(ascii: "="))
                appendQuoted(label.value)
            }
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(UInt8(ascii: " "))
        append(value)
        bytes.append(UInt8(ascii: "\n"))
    }

    private mutating func writeHead() {
        guard let family, !isHeadWritten else { return }
        isHeadWritten = true
        append("# HELP ")
        append(family.name)
        append(" ")
        append(family.help)
        append("\n# TYPE ")
        append(family.name)
        bytes.append(contentsOf: " \(family.kind.rawValue)\n".utf8)
    }

    private mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// The format has three escapes; every other character is written as it is.
    private mutating func appendQuoted(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): bytes.append(contentsOf: #"\""#.utf8)
            case UInt8(ascii: "\\"): bytes.append(contentsOf: #"\\"#.utf8)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: #"\n"#.utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func append(_ value: Value) {
        switch value {
        case .whole(let number): number.append(to: &bytes)
        case .fraction(let number, let digits):
            let scale = (0..<digits).reduce(UInt64(1)) { scale, _ in scale * 10 }
            let (whole, rest) = number.quotientAndRemainder(dividingBy: scale)
            whole.append(to: &bytes)
            guard rest > 0 else { return }
            bytes.append(UInt8(ascii: "."))
            // The leading one keeps the zeros after the point, and is removed again.
            let start = bytes.count
            (scale + rest).append(to: &bytes)
            bytes.remove(at: start)
        case .real(let number):
            // NaN would make every sum with this sample NaN.
            bytes.append(contentsOf: (number.isFinite ? number : 0).description.utf8)
        }
    }
}
