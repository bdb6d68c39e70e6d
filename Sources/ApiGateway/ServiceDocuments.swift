internal import Configuration

/// The documents of the real service.
struct ServiceDocuments: DocumentSource {
    let settings: Settings
    let api: Settings.API
    let identity: Identity
    let readMachine: @Sendable () -> MachineReadings

    func answer(_ page: Page, of truth: Pages.Truth) -> Answer {
        switch page {
        case .classicSummary:
            .document(ClassicDocuments.summary(of: truth.snapshot, identity: identity, uptime: truth.uptime))
        case .classicWorkers:
            .document(ClassicDocuments.workers(of: truth.snapshot))
        case .summary:
            .document(
                CurrentDocuments.summary(
                    of: truth.snapshot, identity: identity, isRestricted: api.isRestricted, machine: readMachine(),
                    uptime: truth.uptime))
        case .workers:
            .document(CurrentDocuments.workers(of: truth.snapshot, naming: settings.workerNaming))
        case .readiness: Readiness(truth).answer
        case .miners, .shards, .upstreams, .metrics, .openAPI: .refusal(.notFound)
        }
    }

    func answer(_ question: Question, of truth: Pages.Truth) throws(Refused) -> Answer {
        throw Refused(.notFound)
    }
}
