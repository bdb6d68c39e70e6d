@testable import Supervision

extension Child {
    /// A child to which that has happened.
    init(after path: [(ChildEvent, Int64)], finalExitCodes: [Int32] = [2]) {
        self.init(policy: RestartPolicy(finalExitCodes: finalExitCodes))
        for (event, time) in path { _ = handle(event, at: time) }
    }
}

extension Service {
    /// A service in which everything is ready at 100.
    /// - Parameter shardsHandOver: false = the miners of shards that go are sent away.
    static func running(shards: Int = 2, gateway: Bool = false, shardsHandOver: Bool = true) -> Service {
        var service = Service(shards: shards, hasGateway: gateway, policy: RestartPolicy(finalExitCodes: [2]))
        service.shardsHandOver = shardsHandOver
        _ = service.start(at: 0)
        for name in service.names { _ = service.handle(.saidReady, of: name, at: 100) }
        return service
    }
}

/// The children that are started.
func spawned(_ orders: [Order]) -> [ChildName] {
    orders.compactMap { if case .child(let name, .spawn) = $0 { name } else { nil } }
}
