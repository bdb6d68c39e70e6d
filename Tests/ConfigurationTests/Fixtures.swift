@testable import Configuration

extension Surroundings {
    /// A user's machine of four cores.
    static let user = Surroundings(
        environment: ["XDG_RUNTIME_DIR": "/run/user/1000", "WALLET": "48abc", "EMPTY": ""], coreCount: 4,
        hostName: "rack7", userID: 1000, currentDirectory: "/home/ann/work", homeDirectory: "/home/ann",
        executable: "/opt/millrace/bin/millrace", version: "1.2.3")

    func with(_ change: (inout Surroundings) -> Void) -> Surroundings {
        var copy = self
        change(&copy)
        return copy
    }
}

extension Resolution {
    var warningTexts: [String] { warnings.map(\.description) }
    var errorTexts: [String] { errors.map(\.description) }
}

extension Settings.TLS {
    /// The pair that is made for this user.
    static func generated(_ name: String? = nil) -> Self {
        var tls = Self(
            certificateFile: "/home/ann/.local/state/millrace/cert.pem",
            keyFile: "/home/ann/.local/state/millrace/cert_key.pem")
        (tls.isGenerated, tls.name) = (true, name)
        return tls
    }
}

/// Resolves the text as "config.json" in /home/ann/work.
func resolved(
    _ text: String?, _ options: [GivenOption] = [], in surroundings: Surroundings = .user
) -> Resolution {
    resolve(
        file: text.map { ConfigurationFile(path: "config.json", bytes: Array($0.utf8)) }, options: options,
        surroundings: surroundings)
}

/// The options of a command line whose words have no blanks.
func options(_ line: String) -> [GivenOption] {
    CommandLineReading(line.split(separator: " ").map(String.init)).options
}

/// A configuration with one pool and these further members: `"retries": 3`.
func withPool(_ members: String) -> String {
    """
    {
        "pools": [{"url": "pool.example:4444"}],
        \(members)
    }
    """
}

/// A configuration with one pool that has these members.
func pool(_ members: String) -> String { "{\"pools\": [{\(members)}]}" }

/// Every key of the file that xmrig-proxy comes with, at values as it has them.
let sample = """
    {
        "access-log-file": null,
        "access-password": null,
        "algo-ext": true,
        "api": {
            "id": null,
            "worker-id": null
        },
        "http": {
            "enabled": false,
            "host": "127.0.0.1",
            "port": 0,
            "access-token": null,
            "restricted": true
        },
        "background": false,
        "bind": [
            {
                "host": "0.0.0.0",
                "port": 3333,
                "tls": false
            },
            {
                "host": "::",
                "port": 3333,
                "tls": false
            }
        ],
        "colors": true,
        "custom-diff": 0,
        "custom-diff-stats": false,
        "donate-level": 0,
        "log-file": null,
        "mode": "nicehash",
        "pools": [
            {
                "algo": null,
                "coin": null,
                "url": "pool.example.com:3333",
                "user": "YOUR_WALLET_ADDRESS",
                "pass": "x",
                "rig-id": null,
                "keepalive": false,
                "enabled": true,
                "tls": false,
                "sni": false,
                "tls-fingerprint": null,
                "daemon": false,
                "socks5": null,
                "self-select": null,
                "submit-to-origin": false
            }
        ],
        "retries": 2,
        "retry-pause": 1,
        "reuse-timeout": 0,
        "tls": {
            "enabled": true,
            "protocols": null,
            "cert": null,
            "cert_key": null,
            "ciphers": null,
            "ciphersuites": null,
            "dhparam": null
        },
        "dns": {
            "ip_version": 0,
            "ttl": 30
        },
        "user-agent": null,
        "syslog": false,
        "verbose": false,
        "watch": true,
        "workers": true
    }
    """
