internal import Configuration
internal import Control
internal import DaemonKit
internal import Supervision

// Limitations that do not end the service. Each is logged once; `status` lists it as long as it lasts.
extension ServiceRun {
    var degradations: [DegradedStatus] {
        Degradation.current.map {
            DegradedStatus(process: "supervisor", reason: .init(saying: $0), text: "supervisor: \($0)")
        } + service.wantedNames.flatMap(degradations) + haltedRestarts
    }

    private func degradations(_ name: ChildName) -> [DegradedStatus] {
        var found: [DegradedStatus] = []
        func add(_ reason: DegradedStatus.Reason, _ text: String) {
            // In the form of metric labels: "shard-0".
            let process = name.description.replacing(" ", with: "-")
            found.append(DegradedStatus(process: process, reason: reason, text: "\(name)\(text)"))
        }
        if case .failed(let failure) = service.child(name)?.state { add(.failed, " has failed: \(failure.text)") }
        let keys = outdatedKeys(of: name).joined(separator: ", ")
        if !keys.isEmpty { add(.oldConfiguration, " still runs the old configuration (changed: \(keys))") }
        if isOfFormerProgram(name) { add(.oldProgram, " still runs the program of before the upgrade") }
        if isWithoutHandOver(name) { add(.noHandover, " cannot keep its connections across a restart") }
        for text in children[name]?.degraded ?? [] { add(.init(saying: text), ": \(text)") }
        return found
    }

    private var haltedRestarts: [DegradedStatus] {
        restartHaltedAt.map { name in
            let text = "the last planned restarts were cancelled at \(name): its new process failed"
            return [DegradedStatus(process: "supervisor", reason: .restartHalted, text: text)]
        } ?? []
    }

    /// The changed keys that the present process has not read; empty when it is about to be replaced.
    func outdatedKeys(of name: ChildName) -> [String] {
        guard let known = children[name]?.settings, !service.restarting.contains(name) else { return [] }
        let change = ConfigurationChange(from: known, to: settings)
        let process: ConfigurationChange.Processes =
            switch name {
            case .collector: .collector
            case .shard: .shards
            case .gateway: .gateway
            }
        return change.replaces.contains(process) ? change.changed(of: process) : []
    }

    private func isOfFormerProgram(_ name: ChildName) -> Bool {
        children[name]?.isAdopted == true && !service.restarting.contains(name)
    }

    private func isWithoutHandOver(_ name: ChildName) -> Bool {
        guard case .shard = name, settings.keepsConnections, let child = children[name] else { return false }
        return !child.hasSuccession && !service.restarting.contains(name)
    }
}
