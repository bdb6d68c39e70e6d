internal import StratumProtocol

/// Which failures of one pool the operator is told of: the news, not the same thing every second and for every upstream,
/// and not more than a screen of it when a pool fails in a new way each time.
struct FailureReports {
    /// A minute's worth; after it everything is news again.
    static let window = Milliseconds.seconds(60)
    static let perWindowMax = 5

    private var since = Instant(microseconds: 0)
    private var count = 0
    private var last: PoolFailure?

    /// Whether to tell of this failure.
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

    /// The pool has worked meanwhile: the same failure again is a new one.
    mutating func recovered() {
        last = nil
    }
}

// MARK: - Written form

extension FailureReports {
    func encode(to form: inout FormWriter) {
        form.integer(since.microseconds)
        form.integer(UInt8(clamping: count))
        form.flag(last != nil)
        last?.encode(to: &form)
    }

    init(decoding form: inout FormReader) throws(FormFault) {
        self.init()
        since = Instant(microseconds: try form.integer())
        count = Int(try form.integer(UInt8.self))
        if try form.flag() { last = try PoolFailure(decoding: &form) }
    }
}

extension PoolFailure {
    /// The longest words of a system or a pool that are kept.
    static let textBytesMax = 1_024

    func encode(to form: inout FormWriter) {
        switch self {
        case .connection(let text):
            form.integer(UInt8(0))
            form.text(text)
        case .connectTimeout: form.integer(UInt8(1))
        case .noAnswer: form.integer(UInt8(2))
        case .loginRefused(let text):
            form.integer(UInt8(3))
            form.text(text)
        case .fault(let fault):
            form.integer(UInt8(4))
            fault.encode(to: &form)
        case .sessionLost(let text):
            form.integer(UInt8(5))
            form.text(text)
        case .banned(let text, let pause):
            form.integer(UInt8(6))
            form.text(text)
            form.integer(pause.count)
        case .redirectedTooOften: form.integer(UInt8(7))
        case .rejectsShares(let count):
            form.integer(UInt8(8))
            form.integer(UInt8(clamping: count))
        }
    }

    init(decoding form: inout FormReader) throws(FormFault) {
        switch try form.integer() as UInt8 {
        case 0: self = .connection(try form.text(max: PoolFailure.textBytesMax, "failure"))
        case 1: self = .connectTimeout
        case 2: self = .noAnswer
        case 3: self = .loginRefused(try form.text(max: PoolFailure.textBytesMax, "failure"))
        case 4: self = .fault(try PeerFault(decoding: &form))
        case 5: self = .sessionLost(try form.text(max: PoolFailure.textBytesMax, "failure"))
        case 6:
            let text = try form.text(max: PoolFailure.textBytesMax, "failure")
            self = .banned(text, pause: Milliseconds(try form.integer()))
        case 7: self = .redirectedTooOften
        case 8: self = .rejectsShares(Int(try form.integer(UInt8.self)))
        default: throw .badField("failure")
        }
    }
}
