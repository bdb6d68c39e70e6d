package import Configuration
internal import DaemonKit
package import Logging
package import TLSHandshake

/// The certificate that the clients of this process are shown. It is read at its first use, which is behind the start,
/// and again when its files have changed; connections keep the one that they began with.
package final class ServerCertificate {
    private let settings: ServerContext.Settings?
    /// Who cannot use TLS when there is none, for the log.
    private let clients: String
    private let log: Logger
    /// Whether this process reports what is odd about a renewed certificate: one of all does.
    private let reports: Bool
    private var current: ServerContext?
    private var stamps: [FileStamp?]?

    /// - Parameters:
    ///   - settings: nil when TLS is off.
    ///   - clients: for example "miners".
    ///   - keepsOpenSSL: see `ServerContext.Settings`.
    package init(
        _ settings: Settings.TLS?, for clients: String, keepsOpenSSL: Bool = false, reports: Bool, log: Logger
    ) {
        self.settings = settings.map { ServerContext.Settings($0, keepsOpenSSL: keepsOpenSSL) }
        self.clients = clients
        self.reports = reports
        self.log = log
    }

    /// nil when clients cannot use TLS.
    package var context: ServerContext? {
        if stamps == nil { read() }
        return current
    }

    /// Call once a second.
    /// - Returns: whether there is another context now.
    @discardableResult
    package func reload() -> Bool {
        guard let settings, settings.stamps != stamps else { return false }
        let former = current
        read()
        return current !== former
    }

    private func read() {
        guard let settings else { return }
        let isFirst = current == nil
        stamps = settings.stamps
        let now = Int64(WallClock.milliseconds() / 1_000)
        do throws(ContextFailure) {
            // The supervisor has tried the first one.
            let context = try ServerContext(settings, now: now, isTried: !isFirst && reports)
            current = context
            stamps = context.stamps
            Degradation.set("tls", nil)
            guard !isFirst, reports else { return }
            for finding in context.findings { log.warning("TLS: \(finding.text)") }
            log.notice("the TLS certificate was renewed", metadata: ServerCertificate.facts(context))
        } catch {
            let reasons = error.findings.map(\.text).joined(separator: "; ")
            if isFirst {
                log.error("\(clients) cannot use TLS: \(reasons)")
                Degradation.set("tls", "\(clients) cannot use TLS: \(reasons)")
            } else {
                log.error("the changed TLS certificate cannot be used, the previous one stays: \(reasons)")
                Degradation.set("tls", "the changed TLS certificate cannot be used: \(reasons)")
            }
        }
    }

    private static func facts(_ context: ServerContext) -> Logger.Metadata {
        [
            "sha256": "\(context.certificate.fingerprint)",
            "names": "\(context.certificate.names.joined(separator: " "))",
        ]
    }
}

extension ServerContext.Settings {
    package init(_ settings: Settings.TLS, keepsOpenSSL: Bool = false) {
        self.init(
            certificateFile: settings.certificateFile, keyFile: settings.keyFile, protocols: settings.protocols,
            ciphers: settings.ciphers, ciphersuites: settings.ciphersuites, dhparamFile: settings.dhparamFile,
            keepsOpenSSL: keepsOpenSSL)
    }
}
