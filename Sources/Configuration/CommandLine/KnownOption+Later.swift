extension KnownOption {
    /// Options of xmrig-proxy for keys that are known but not supported yet: the key's warning is reported.
    static let later = [
        KnownOption("daemon", nil, nil, .later, .pool("daemon", .boolean(true)), "The pool is a node (solo mining)."),
        KnownOption(
            "daemon-zmq-port", nil, "PORT", .later, .pool("daemon-zmq-port", .integer), "ZeroMQ port of the node."),
        KnownOption(
            "daemon-poll-interval", nil, "MS", .later, .pool("daemon-poll-interval", .integer), "Polling of the node."),
        KnownOption(
            "daemon-job-timeout", nil, "MS", .later, .pool("daemon-job-timeout", .integer), "Age of a job of the node."),
        KnownOption(
            "self-select", nil, "URL", .later, .pool("self-select", .text), "Node that selects the transactions."),
        KnownOption(
            "submit-to-origin", nil, nil, .later, .pool("submit-to-origin", .boolean(true)),
            "Send blocks to that node too."),
        KnownOption(
            "spend-secret-key", nil, "HEX", .later, .pool("spend-secret-key", .text), "Secret key for solo mining."),
        KnownOption(
            "donate-level", nil, "PERCENT", .later, .key(["donate-level"], .integer), "Share of time to donate."),
        KnownOption(
            "access-log-file", "A", "FILE", .later, .key(["access-log-file"], .text), "Log of logins of miners."),
        KnownOption("background", "B", nil, .later, .key(["background"], .boolean(true)), "Run in the background."),
        KnownOption("login-file", nil, "FILE", .later, .none, "Has no effect, as in xmrig-proxy."),
    ]
}
