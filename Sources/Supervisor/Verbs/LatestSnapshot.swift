internal import EventBus
internal import Glibc
internal import Telemetry

/// The newest snapshot of the collector. A verb reads it from the bus, because the supervisor holds no statistics. It
/// works without the API.
struct LatestSnapshot {
    /// Why there is no snapshot, for the operator.
    struct Missing: Error, Equatable {
        let reason: String
    }

    let result: Result<Snapshot, Missing>

    /// A running collector answers a subscription at once, a busy one within a second.
    static let patienceMillis = 2_000

    /// Waits for the snapshot.
    /// - Parameter runDirectory: the run directory of the service.
    init(runDirectory: String, patienceMillis: Int = LatestSnapshot.patienceMillis) {
        result = LatestSnapshot.read(runDirectory, patienceMillis)
    }

    private static func read(_ runDirectory: String, _ patienceMillis: Int) -> Result<Snapshot, Missing> {
        guard access(runDirectory + "/snapshots", F_OK) == 0 else {
            return .failure(Missing(reason: "the collector has not started yet"))
        }
        do throws(BusFailure) {
            let context = try BusContext()
            let subscriber = try SnapshotSubscriber(context, runDirectory: runDirectory)
            switch subscriber.wait(orDescriptor: -1, timeoutMilliseconds: patienceMillis) {
            case .snapshot(let snapshot): return .success(snapshot)
            case .unreadable: return .failure(Missing(reason: "the collector is of another version than this command"))
            case .timedOut, .descriptorReadable: return .failure(Missing(reason: "the collector does not answer"))
            }
        } catch {
            return .failure(Missing(reason: "\(error)"))
        }
    }
}
