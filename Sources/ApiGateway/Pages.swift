internal import Configuration
internal import Control
internal import Synchronization
internal import Telemetry

/// The current body of every page: built on the first request after the snapshot (or the second) has changed, then
/// shared by all who ask. Any thread may read; one thread publishes.
final class Pages: Sendable {
    /// What pages show.
    struct Truth: Sendable {
        var snapshot: Snapshot
        /// Milliseconds since 1970.
        var time: UInt64
        /// The supervisor's word of its processes; nil while it cannot be had.
        var status: ServiceStatus?
        /// All miners that are connected now, in the order of their ids.
        var miners: [MinerRow] = []
        /// Grows with each snapshot.
        var snapshotNumber: UInt64 = 0
        /// Grows with each advance of `time`.
        var timeNumber: UInt64 = 0

        /// Seconds since the service started, now; not frozen when the collector is away.
        var uptime: UInt64 { time > snapshot.startedAt ? (time - snapshot.startedAt) / 1000 : 0 }
    }

    private struct Built: Sendable {
        var snapshotNumber: UInt64
        var timeNumber: UInt64
        var response: HTTPResponse
    }

    /// One lock for each page: whoever wants the summary does not wait for the big table.
    private final class Slot: Sendable {
        let built = Mutex<Built?>(nil)
    }

    private let truth: Mutex<Truth>
    private let slots = Page.allCases.map { _ in Slot() }
    private let build: @Sendable (Page, Truth) -> [UInt8]
    private let ledger = BodyLedger()
    private let bodyBytesMax: Int
    private let serviceStartedAt: UInt64

    /// Until the first snapshot arrives the pages show zeros.
    init(
        serviceStartedAt: UInt64, bodyBytesMax: Int, build: @escaping @Sendable (Page, Truth) -> [UInt8]
    ) {
        var snapshot = Snapshot()
        snapshot.startedAt = serviceStartedAt
        truth = Mutex(Truth(snapshot: snapshot, time: serviceStartedAt))
        self.serviceStartedAt = serviceStartedAt
        self.bodyBytesMax = bodyBytesMax
        self.build = build
    }

    /// From now on pages show this snapshot.
    func publish(_ snapshot: consuming Snapshot) {
        // A collector that has not been told says 0.
        if snapshot.startedAt == 0 { snapshot.startedAt = serviceStartedAt }
        truth.withLock {
            $0.snapshot = snapshot
            $0.snapshotNumber += 1
        }
    }

    /// Call about once a second: pages with a clock are built anew on their next request.
    /// - Parameter time: milliseconds since 1970.
    func advance(to time: UInt64) {
        truth.withLock {
            $0.time = time
            $0.timeNumber += 1
        }
    }

    /// The answer to a request for `page`.
    ///
    /// Throws when so many old bodies are still being read that another one would be too much.
    func response(for page: Page) throws(Refusal) -> HTTPResponse {
        // A copy costs a few reference counts; the big arrays in it are shared.
        let truth = self.truth.withLock { $0 }
        return try slots[page.rawValue].built.withLock { (built) throws(Refusal) -> HTTPResponse in
            if let built, built.snapshotNumber >= truth.snapshotNumber,
                !page.showsClock || built.timeNumber >= truth.timeNumber
            {
                return built.response
            }
            built = nil  // before its successor is built, so that nobody reading it means one body in memory, not two
            guard ledger.bytes <= bodyBytesMax,
                let response = HTTPResponse(.document(build(page, truth)), ledger: ledger)
            else { throw .serviceUnavailable }
            built = Built(
                snapshotNumber: truth.snapshotNumber, timeNumber: truth.timeNumber, response: response)
            return response
        }
    }
}

extension Pages {
    /// The pages of the real service.
    convenience init(
        settings: Settings, api: Settings.API, identity: Identity, serviceStartedAt: UInt64, limits: GatewayLimits,
        readMachine: @escaping @Sendable () -> MachineReadings
    ) {
        let (naming, isRestricted) = (settings.workerNaming, api.isRestricted)
        self.init(serviceStartedAt: serviceStartedAt, bodyBytesMax: limits.bodyBytes) { page, truth in
            switch page {
            case .classicSummary:
                ClassicDocuments.summary(of: truth.snapshot, identity: identity, uptime: truth.uptime)
            case .classicWorkers:
                ClassicDocuments.workers(of: truth.snapshot)
            case .summary:
                CurrentDocuments.summary(
                    of: truth.snapshot, identity: identity, isRestricted: isRestricted, machine: readMachine(),
                    uptime: truth.uptime)
            case .workers:
                CurrentDocuments.workers(of: truth.snapshot, naming: naming)
            }
        }
    }
}
