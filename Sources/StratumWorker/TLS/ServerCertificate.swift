internal import Configuration
internal import DaemonKit
internal import Logging
internal import TLSHandshake

/// The certificate that miners are shown. It is read again when its files have changed; connections keep the one that
/// they began with.
final class ServerCertificate {
    private let settings: ServerContext.Settings?
    private let log: Logger
    /// Whether this process reports what is odd about a renewed certificate: one of the shards does.
    private let reports: Bool
    /// nil when miners cannot use TLS.
    private(set) var context: ServerContext?
    private var stamps: [FileStamp?] = []

    /// - Parameter settings: nil when TLS is off.
    init(_ settings: Settings.TLS?, reports: Bool, log: Logger) {
        self.settings = settings.map(ServerContext.Settings.init)
        self.reports = reports
        self.log = log
        read()
    }

    /// Called once a second.
    func reload() {
        guard let settings, settings.stamps != stamps else { return }
        read()
    }

    private func read() {
        guard let settings else { return }
        stamps = settings.stamps
        let now = Int64(WallClock.milliseconds() / 1_000)
        do throws(ContextFailure) {
            let isFirst = context == nil
            let context = try ServerContext(settings, now: now)
            self.context = context
            stamps = context.stamps
            Degradation.set("tls", nil)
            // The supervisor has reported those of the first one.
            guard !isFirst, reports else { return }
            for finding in context.findings { log.warning("TLS: \(finding.text)") }
            log.notice("the TLS certificate was renewed", metadata: ServerCertificate.facts(context))
        } catch {
            let reasons = error.findings.map(\.text).joined(separator: "; ")
            if context == nil {
                log.error("miners cannot use TLS: \(reasons)")
                Degradation.set("tls", "miners cannot use TLS: \(reasons)")
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
    init(_ settings: Settings.TLS) {
        self.init(
            certificateFile: settings.certificateFile, keyFile: settings.keyFile, protocols: settings.protocols,
            ciphers: settings.ciphers, ciphersuites: settings.ciphersuites, dhparamFile: settings.dhparamFile)
    }
}
