internal import Configuration
internal import DaemonKit
internal import Supervision

// What does not work as it should, and does not end the service. The log has it once; `status` as long as it lasts.
extension ServiceRun {
    var degraded: [String] {
        Degradation.current.map { "supervisor: \($0)" } + service.wantedNames.flatMap(degraded) + haltedRestarts
    }

    private func degraded(_ name: ChildName) -> [String] {
        var texts: [String] = []
        if case .failed(let failure) = service.child(name)?.state {
            texts.append("\(name) has failed: \(failure.text)")
        }
        let keys = outdatedKeys(of: name).joined(separator: ", ")
        if !keys.isEmpty { texts.append("\(name) runs the old configuration (changed: \(keys))") }
        if isOfFormerProgram(name) { texts.append("\(name) runs the program from before the upgrade") }
        if isWithoutHandOver(name) { texts.append("\(name) cannot keep its connections over a restart") }
        return texts + (children[name]?.degraded ?? []).map { "\(name): \($0)" }
    }

    private var haltedRestarts: [String] {
        restartHaltedAt.map { ["the last planned restarts ended at \($0): its new process failed"] } ?? []
    }

    /// The changed keys that the process of this place has not read, unless it is about to be replaced.
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
        return !child.hasLegacy && !service.restarting.contains(name)
    }
}
