internal import StratumProtocol

/// Limits the notices about failures of one pool: the same failure is not reported for every attempt and every
/// upstream, and at most `perWindowMax` are reported when the pool fails in a different way each time.
struct FailureReports {
    /// After this time every failure is reported again.
    static let window = Milliseconds.seconds(60)
    static let perWindowMax = 5

    private var since = Instant(microseconds: 0)
    private var count = 0
    private var last: PoolFailure?

    /// Whether to notify the operator of this failure.
    mutating func isNews(_ failure: PoolFailure, at now: Instant) -> Bool {
        if now >= since + FailureReports.window {
            since = now
            count = 0
            last = nil
        }
        guard failure != last, count < FailureReports.perWindowMax else { return false }
        last = failure
        count += 1
        return true
    }

    /// The pool works again: the same failure is then a new one.
    mutating func recovered() {
        last = nil
    }
}

// MARK: - Coding

extension FailureReports {
    func encode(to writer: inout BinaryWriter) {
        writer.integer(since.microseconds)
        writer.integer(UInt8(clamping: count))
        writer.flag(last != nil)
        last?.encode(to: &writer)
    }

    init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        self.init()
        since = Instant(microseconds: try reader.integer())
        count = Int(try reader.integer(UInt8.self))
        if try reader.flag() { last = try PoolFailure(decoding: &reader) }
    }
}

extension PoolFailure {
    /// The longest text of the system or of a pool that is kept.
    static let textBytesMax = 1_024

    func encode(to writer: inout BinaryWriter) {
        switch self {
        case .connection(let text):
            writer.integer(UInt8(0))
            writer.text(text)
        case .connectTimeout: writer.integer(UInt8(1))
        case .noAnswer: writer.integer(UInt8(2))
        case .loginRefused(let text):
            writer.integer(UInt8(3))
            writer.text(text)
        case .fault(let fault):
            writer.integer(UInt8(4))
            fault.encode(to: &writer)
        case .sessionLost(let text):
            writer.integer(UInt8(5))
            writer.text(text)
        case .banned(let text, let pause):
            writer.integer(UInt8(6))
            writer.text(text)
            writer.integer(pause.count)
        case .redirectedTooOften: writer.integer(UInt8(7))
        case .rejectsShares(let count):
            writer.integer(UInt8(8))
            writer.integer(UInt8(clamping: count))
        }
    }

    init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        switch try reader.integer() as UInt8 {
        case 0: self = .connection(try reader.text(max: PoolFailure.textBytesMax, "failure"))
        case 1: self = .connectTimeout
        case 2: self = .noAnswer
        case 3: self = .loginRefused(try reader.text(max: PoolFailure.textBytesMax, "failure"))
        case 4: self = .fault(try PeerFault(decoding: &reader))
        case 5: self = .sessionLost(try reader.text(max: PoolFailure.textBytesMax, "failure"))
        case 6:
            let text = try reader.text(max: PoolFailure.textBytesMax, "failure")
            self = .banned(text, pause: Milliseconds(try reader.integer()))
        case 7: self = .redirectedTooOften
        case 8: self = .rejectsShares(Int(try reader.integer(UInt8.self)))
        default: throw .badField("failure")
        }
    }
}
