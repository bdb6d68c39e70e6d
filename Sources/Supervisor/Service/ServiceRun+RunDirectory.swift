internal import DaemonKit
internal import EventLoop
internal import Logging
internal import Supervision

// Recreates files that a cleaner of directories removed. Each process recreates its own sockets of the bus.
extension ServiceRun {
    private static let mendMillis: UInt64 = 1_000

    func keepRunDirectory() {
        let caretaker = Timer(on: loop) { [unowned self] in mendRunDirectory() }
        caretaker.unreference()
        caretaker.start(after: ServiceRun.mendMillis, repeating: ServiceRun.mendMillis)
        self.caretaker = caretaker
    }

    private func mendRunDirectory() {
        guard !service.isStopping else { return }
        do {
            var missing = try runDirectory.mend()
            if try server?.mend() == true { missing.append("control") }
            noteRunDirectory(failure: nil)
            guard !missing.isEmpty else { return }
            log.warning(
                "\(runDirectory.path): recreated files that were removed: \(missing.joined(separator: ", "))"
            )
        } catch let failure as StartFailure {
            noteRunDirectory(failure: failure.message)
        } catch {
            noteRunDirectory(failure: "\(runDirectory.path)/control: \(error)")
        }
    }

    private func noteRunDirectory(failure: String?) {
        let text = failure.map { "\($0); commands and statistics may not work" }
        guard Degradation.set("run directory", text) else { return }
        if let failure {
            log.error("run directory unusable, trying again each second; mining continues: \(failure)")
        } else {
            log.notice("\(runDirectory.path): usable again")
        }
    }
}
