import StratumProtocol
import StratumSession
import Telemetry
import Testing

@testable import StratumWorker

struct ClosedReasonTests {
    @Test(arguments: [
        (CloseReason.loginTimeout, "login_timeout"), (.idleTimeout, "idle_timeout"),
        (.permissionDenied, "access_password"), (.notNicehashCapable, "nonce_byte"),
        (.fault(.invalidJSON), "malformed"),
        (.answered(.badParams), "malformed"), (.foreign(.http(isHead: true)), "http"), (.foreign(.tls), "tls"),
        (.foreign(.proxyHeader), "proxy_header"), (.proxyHeader(.missing), "proxy_header"),
        (.proxyHeader(.malformed), "proxy_header"), (.proxyHeader(.incomplete), "proxy_header"),
        (.outOfTurn, "out_of_turn"), (.noUpstream, "no_pool"), (.flooding, "flooding"), (.memory(held: 1), "memory"),
    ])
    func eachEndHasALabel(reason: CloseReason, label: String) {
        #expect(ClosedConnections.Reason(reason).name == label)
    }
}
