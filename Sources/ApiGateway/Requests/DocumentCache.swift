internal import ApiDocuments
internal import Control
internal import HTTPServing
internal import Linux
internal import Synchronization
internal import Telemetry

/// Writes the documents: a pure function of the view and of the query.
protocol DocumentSource: Sendable {
    func answer(_ page: Page, of view: ServiceView) -> Answer
    /// Throws 404 if there is nothing of that name.
    func answer(_ query: PageQuery, of view: ServiceView) throws(HTTPError) -> Answer
}

/// The current body of every page, shared by all clients.
///
/// A body is built on the first request after its content has changed. A page that is requested all the time gets its
/// next body before the old one is removed, so that no client waits for it. Any thread may read, and any may publish
/// its part of the view.
final class DocumentCache: Sendable {
    private struct Built: Sendable {
        var version: UInt64
        var representations: Representations
    }

    private struct Place: Sendable {
        var built: Built?
        /// When each coding was last requested, as `ServiceView.time`.
        var requestedAt: [ContentCoding: UInt64] = [:]
    }

    /// One lock for each page: a client that requests the summary does not wait for the large table.
    private final class Slot: Sendable {
        let place = Mutex(Place())
    }

    private let view: Mutex<ServiceView>
    private let slots = Page.allCases.map { _ in Slot() }
    private let queries = QueryCache()
    private let documents: any DocumentSource
    private let ledger = BodyLedger()
    private let limits: GatewayLimits
    private let serviceStartedAt: UInt64

    /// Until the first snapshot arrives, pages show zeros and the age of the service.
    /// - Parameter serviceStartedAt: milliseconds since 1970.
    init(serviceStartedAt: UInt64, limits: GatewayLimits, documents: any DocumentSource) {
        var snapshot = Snapshot()
        snapshot.startedAt = serviceStartedAt
        view = Mutex(ServiceView(snapshot: snapshot, time: serviceStartedAt))
        self.serviceStartedAt = serviceStartedAt
        self.limits = limits
        self.documents = documents
    }

    // MARK: What pages show.

    /// From now on pages show this snapshot.
    func publish(_ snapshot: Snapshot) {
        change(.snapshot) { [serviceStartedAt] in
            $0.snapshot = snapshot
            // 0: the collector does not know it.
            if snapshot.startedAt == 0 { $0.snapshot.startedAt = serviceStartedAt }
            $0.snapshotNumber += 1
        }
    }

    /// From now on `/1/miners` shows these rows.
    func publish(miners: [MinerRow]) {
        change(.miners) {
            $0.miners = miners
            $0.minersNumber += 1
        }
    }

    /// From now on pages show this status; nil if the supervisor does not answer.
    func publish(status: ServiceStatus?) {
        view.withLock {
            if $0.status == nil && status == nil { return }
            $0.status = status
            $0.statusNumber += 1
        }
    }

    /// Sets the time that pages show. Call about once a second.
    /// - Parameter time: milliseconds since 1970.
    func advance(to time: UInt64) {
        view.withLock {
            $0.time = time
            $0.timeNumber += 1
        }
        queries.startSecond()
    }

    // MARK: What clients get.

    /// Throws 503 if the old bodies that clients still read use too much memory.
    func representation(_ page: Page, in coding: ContentCoding) throws(HTTPError) -> Representation {
        // A copy costs a few reference counts; the large arrays in it are shared.
        let view = self.view.withLock { $0 }
        return try slots[page.rawValue].place.withLock { (place) throws(HTTPError) -> Representation in
            place.requestedAt[coding] = view.time
            let version = view.version(of: page.sources)
            if place.built.map({ $0.version < version }) ?? true {
                place.built = nil  // first, so that without readers one body at a time is in memory
                guard ledger.bytes <= limits.bodyBytes else { throw HTTPError(.serviceUnavailable) }
                place.built = Built(
                    version: version, representations: Representations(documents.answer(page, of: view)))
            }
            let found = place.built?.representations.representation(in: coding, ledger: ledger, limits: limits.http)
            guard let found else { throw HTTPError(.serviceUnavailable) }
            return found
        }
    }

    /// Throws 404 if there is nothing of that name, 503 also if queries have used up their time of this second.
    func representation(_ query: PageQuery, in coding: ContentCoding) throws(HTTPError) -> Representation {
        let view = self.view.withLock { $0 }
        let version = view.version(of: query.sources)
        if let found = queries.representation(query, coding, version: version) { return found }
        guard ledger.bytes <= limits.bodyBytes, queries.mayBuild(limits) else {
            throw HTTPError(.serviceUnavailable)
        }
        let start = MonotonicClock.microseconds
        defer { queries.addTime(MonotonicClock.microseconds - start) }
        var representations = Representations(try documents.answer(query, of: view))
        guard let made = representations.representation(in: coding, ledger: ledger, limits: limits.http) else {
            throw HTTPError(.serviceUnavailable)
        }
        queries.keep(made, query, coding, version: version, limits)
        return made
    }

    /// Changes one part of the view. Pages that show only this part and are requested all the time are built first.
    private func change(_ part: Page.Sources, _ change: @Sendable (inout ServiceView) -> Void) {
        var next = view.withLock { $0 }
        change(&next)
        for page in Page.allCases where page.sources == part {
            let wanted = slots[page.rawValue].place.withLock { place in
                ContentCoding.allCases.filter { coding in
                    place.requestedAt[coding].map { next.time < $0 + limits.warmMillis } ?? false
                }
            }
            guard !wanted.isEmpty, ledger.bytes <= limits.bodyBytes else { continue }
            var representations = Representations(documents.answer(page, of: next))
            for coding in wanted {
                _ = representations.representation(in: coding, ledger: ledger, limits: limits.http)
            }
            // For a moment newer than the view, which does no harm.
            let built = Built(version: next.version(of: page.sources), representations: representations)
            slots[page.rawValue].place.withLock { $0.built = built }
        }
        view.withLock { change(&$0) }
    }
}
