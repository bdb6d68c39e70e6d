internal import Control
internal import Synchronization
internal import Telemetry

/// Writes the documents: a pure function of the view and of the query.
protocol DocumentSource: Sendable {
    func answer(_ page: Page, of view: ServiceView) -> Answer
    /// Throws 404 when there is nothing by that name.
    func answer(_ question: PageQuery, of view: ServiceView) throws(HTTPError) -> Answer
}

/// The current body of every page: built on the first request after what it shows has changed, then shared by all who
/// ask. A page that is asked for all the time has its next body before the old one is taken away, so that nobody waits
/// for it. Any thread may read, and any may publish its part of the view.
final class DocumentCache: Sendable {
    private struct Built: Sendable {
        var version: UInt64
        var variants: Variants
    }

    private struct Place: Sendable {
        var built: Built?
        /// When each form was last asked for, as `ServiceView.time`.
        var askedAt: [ContentCoding: UInt64] = [:]
    }

    /// One lock for each page: whoever wants the summary does not wait for the big table.
    private final class Slot: Sendable {
        let place = Mutex(Place())
    }

    private let view: Mutex<ServiceView>
    private let slots = Page.allCases.map { _ in Slot() }
    private let shelf = QueryCache()
    private let documents: any DocumentSource
    private let ledger = BodyLedger()
    private let limits: GatewayLimits
    private let serviceStartedAt: UInt64

    /// Until the first snapshot arrives the pages show zeros, and the service's own age.
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
            // A collector that has not been told says 0.
            if snapshot.startedAt == 0 { $0.snapshot.startedAt = serviceStartedAt }
            $0.snapshotNumber += 1
        }
    }

    /// From now on `/1/miners` shows these.
    func publish(miners: [MinerRow]) {
        change(.miners) {
            $0.miners = miners
            $0.minersNumber += 1
        }
    }

    /// nil when the supervisor cannot be asked.
    func publish(status: ServiceStatus?) {
        view.withLock {
            if $0.status == nil && status == nil { return }
            $0.status = status
            $0.statusNumber += 1
        }
    }

    /// Call about once a second: pages with a clock are built anew on their next request.
    /// - Parameter time: milliseconds since 1970.
    func advance(to time: UInt64) {
        view.withLock {
            $0.time = time
            $0.timeNumber += 1
        }
        shelf.startSecond()
    }

    // MARK: What clients get.

    /// Throws when so many old bodies are still being read that another one would be too much.
    func document(_ page: Page, as coding: ContentCoding) throws(HTTPError) -> Document {
        // A copy costs a few reference counts; the big arrays in it are shared.
        let view = self.view.withLock { $0 }
        return try slots[page.rawValue].place.withLock { (place) throws(HTTPError) -> Document in
            place.askedAt[coding] = view.time
            let version = view.version(of: page.sources)
            if place.built.map({ $0.version < version }) ?? true {
                place.built = nil  // before its successor is built, so that nobody reading it means one body in memory
                guard ledger.bytes <= limits.bodyBytes else { throw HTTPError(.serviceUnavailable) }
                place.built = Built(version: version, variants: Variants(documents.answer(page, of: view)))
            }
            guard let document = place.built?.variants.document(coding, ledger: ledger, limits: limits) else {
                throw HTTPError(.serviceUnavailable)
            }
            return document
        }
    }

    /// Throws also when it asks for something that is not there, or when there were too many queries.
    func document(_ question: PageQuery, as coding: ContentCoding) throws(HTTPError) -> Document {
        let view = self.view.withLock { $0 }
        let version = view.version(of: question.sources)
        if let document = shelf.document(question, coding, version: version) { return document }
        guard ledger.bytes <= limits.bodyBytes, shelf.mayBuild(limits) else {
            throw HTTPError(.serviceUnavailable)
        }
        let start = Clock.monotonicMicros
        defer { shelf.spend(Clock.monotonicMicros - start) }
        var variants = Variants(try documents.answer(question, of: view))
        guard let document = variants.document(coding, ledger: ledger, limits: limits) else {
            throw HTTPError(.serviceUnavailable)
        }
        shelf.put(document, question, coding, version: version, limits)
        return document
    }

    /// Changes one part of the view. The pages that show nothing else and are asked for all the time are built before.
    private func change(_ part: Page.Sources, _ change: @Sendable (inout ServiceView) -> Void) {
        var next = view.withLock { $0 }
        change(&next)
        for page in Page.allCases where page.sources == part {
            let wanted = slots[page.rawValue].place.withLock { place in
                ContentCoding.allCases.filter { coding in
                    place.askedAt[coding].map { next.time < $0 + limits.warmMillis } ?? false
                }
            }
            guard !wanted.isEmpty, ledger.bytes <= limits.bodyBytes else { continue }
            var variants = Variants(documents.answer(page, of: next))
            for coding in wanted { _ = variants.document(coding, ledger: ledger, limits: limits) }
            // Newer than the view for a moment, which those who ask meanwhile do not mind.
            let built = Built(version: next.version(of: page.sources), variants: variants)
            slots[page.rawValue].place.withLock { $0.built = built }
        }
        view.withLock { change(&$0) }
    }
}
