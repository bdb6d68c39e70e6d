internal import StratumProtocol
internal import StratumSession
internal import Telemetry

/// A shard as its predecessor has left it, killed at any instruction: what was written, and what has happened since.
///
/// The core is deterministic, so the inputs replayed onto the written state lead to where the predecessor stood, and to the
/// same bytes for every peer. How many of those the kernel had taken already, the kernel knows (`ConnectionCounts`).
struct Takeover: ~Copyable {
    var shard: Shard
    var events: EventLog
    /// Whose descriptors the connections have.
    let incarnation: UInt64
    /// What is sent on a connection from the written state on, whether it has left or not.
    private(set) var miners: [MinerID: WorkerForm.Connection]
    private(set) var pools: [PoolConnectionID: WorkerForm.Connection]
    /// Bytes of it may have been read from the kernel already.
    private(set) var unfinished: LoggedInput?
    /// How many inputs were replayed.
    private(set) var replayed = 0

    enum Fault: Error, Equatable {
        /// Nothing that can be read.
        case form(FormFault)
        case events(DecodingFailure)
        /// The inputs do not fit the state.
        case replay(ReplayFault)
        /// They were decided by another program, which may have decided otherwise.
        case otherRules
    }

    /// - Parameters:
    ///   - rules: names this program; `Chronicle`.
    ///   - time: what the time of day was at a moment, in milliseconds since 1970.
    init(
        _ left: LeftChronicle, rules: UInt64, translation: EventTranslation, parser: JSONParser,
        time: (Instant) -> UInt64
    ) throws(Fault) {
        do throws(FormFault) {
            var form = FormReader(left.form)
            let own = try WorkerForm(decoding: &form)
            shard = try Shard(decoding: &form)
            incarnation = own.incarnation
            miners = own.miners
            pools = own.pools
            do throws(DecodingFailure) {
                events = try EventLog(written: own.events)
            } catch {
                throw .badField("worker.events")
            }
        } catch {
            throw .form(error)
        }
        try replay(left.log, rules, translation, parser, time)
    }

    private mutating func replay(
        _ log: UnsafeRawBufferPointer, _ rules: UInt64, _ translation: EventTranslation, _ parser: JSONParser,
        _ time: (Instant) -> UInt64
    ) throws(Fault) {
        var noted: Int32 = -1
        do throws(FormFault) {
            var reader = try InputLogReader(log)
            while let logged = try reader.next() {
                guard reader.rules == rules else { throw Fault.otherRules }
                replayed += 1
                try take(logged, &noted, translation, parser, time)
            }
            unfinished = reader.unfinished
        } catch let fault as FormFault {
            throw .form(fault)
        } catch let fault as Fault {
            throw fault
        }
    }
}
