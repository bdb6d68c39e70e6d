internal import EventBus
internal import Glibc
internal import Telemetry

/// The newest snapshot of the collector, which a verb reads from the bus: the supervisor holds no statistics, and this works
/// without the API.
struct LatestSnapshot {
    /// Why there is none, for people.
    struct Missing: Error, Equatable {
        let reason: String
    }

    let result: Result<Snapshot, Missing>

    /// A collector that is there answers a subscription at once; one that is busy with its disk within a second.
    static let patienceMillis = 2_000

    /// Waits for it.
    /// - Parameter runDirectory: of the service.
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
