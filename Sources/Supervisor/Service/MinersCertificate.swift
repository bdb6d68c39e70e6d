internal import Certificates
internal import Configuration
internal import Control
internal import Logging
internal import TLSHandshake

/// The certificate of the configuration in force.
struct MinersCertificate {
    /// nil when TLS is off.
    private var tls: Settings.TLS?
    /// Of the last pair in the files that could be used; nil when there was none.
    private(set) var summary: CertificateSummary?
    private var stamps: [FileStamp?] = []

    /// At the start of the service, or of another program in it. A certificate that cannot be used is an error in the
    /// log; a service that has an address with TLS only does not start then.
    /// - Parameter isRunning: the service continues in any case.
    init(
        of configuration: inout RunningConfiguration, isRunning: Bool, log: Logger
    ) throws(StartFailure) {
        guard let tls = configuration.settings.tls else { return }
        self.tls = tls
        stamps = ServerContext.Settings(tls).stamps
        do throws(CertificateFault) {
            let check = try CertificateCheck(makingPairOf: tls)
            adopt(check)
            log.notice("TLS for miners: \(check.summary.line)")
            for warning in check.warnings { log.warning("\(warning.logText)") }
            configuration.add(check.warnings)
        } catch {
            if !isRunning, configuration.settings.requiresTLS { throw error.refusal }
            log.error("miners cannot use TLS: \(error.reason)")
        }
    }

    /// Follows a change of the configuration. Throws when the new certificate cannot be used. If that of an unchanged
    /// `tls` could not be used before, it is a warning: other settings can then still be changed.
    mutating func change(to settings: Settings) throws(StartFailure) -> [Diagnostic] {
        guard let tls = settings.tls else {
            (self.tls, summary, stamps) = (nil, nil, [])
            return []
        }
        let wasUnusable = tls == self.tls && summary == nil
        do throws(CertificateFault) {
            let check = try CertificateCheck(makingPairOf: tls)
            self.tls = tls
            adopt(check)
            return check.warnings
        } catch {
            guard wasUnusable, !settings.requiresTLS else { throw error.refusal }
            return [Diagnostic(severity: .warning, message: "tls: miners cannot use TLS: \(error.reason)")]
        }
    }

    /// Whether another program could continue with the certificate. Makes no files.
    /// - Parameter isInUse: whether miners can use TLS now.
    static func check(_ settings: Settings, isInUse: Bool) throws(StartFailure) {
        guard let tls = settings.tls, isInUse || settings.requiresTLS else { return }
        do throws(CertificateFault) {
            _ = try CertificateCheck.withoutMaking(tls)
        } catch {
            throw error.refusal
        }
    }

    /// Reads the files again if they have changed, as the shards do. A pair that cannot be used changes nothing.
    mutating func refresh() {
        guard let tls, ServerContext.Settings(tls).stamps != stamps else { return }
        stamps = ServerContext.Settings(tls).stamps
        if let check = try? CertificateCheck(filesOf: tls) { adopt(check) }
    }

    private mutating func adopt(_ check: CertificateCheck) {
        summary = check.summary
        stamps = check.stamps
    }
}

extension Settings {
    /// Whether an address of miners takes TLS only.
    var requiresTLS: Bool { binds.contains { $0.requiresTLS == true } }
}

extension CertificateStatus {
    init(_ summary: CertificateSummary) {
        self.init(
            sha256: summary.fingerprint, names: summary.names, expiresAt: UInt64(max(summary.expires, 0)) * 1_000)
    }
}
