internal import DaemonKit
internal import EventBus
internal import Logging

// The shard's sockets in the run directory, which may be removed there. Mining does not wait for them.
extension Worker {
    func openBus() throws { noteBus(try reporter.open(on: loop)) }

    /// Called once a second.
    func mendBus() {
        do throws(BusFailure) {
            try reporter.mend()
            noteBus(nil)
        } catch {
            noteBus(error)
        }
    }

    private func noteBus(_ failure: BusFailure?) {
        guard Degradation.set("bus", failure.map { "\($0); statistics of this shard are missing" }) else { return }
        if let failure {
            log.error("cannot bind to the bus, trying again each second; mining continues: \(failure)")
        } else {
            log.notice("bound to the bus again")
        }
    }
}
