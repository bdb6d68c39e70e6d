internal import Certificates
internal import Configuration
internal import DaemonKit
internal import Glibc
internal import TLSHandshake

/// The check of the certificate and key that miners are shown. Nothing of the key is kept: each shard loads the files
/// itself.
struct CertificateCheck {
    let summary: CertificateSummary
    /// Each begins with `tls: ` or a key of `tls`.
    let warnings: [Diagnostic]
    let stamps: [FileStamp?]

    /// Checks the files, and before that makes a generated pair that does not exist.
    init(makingPairOf tls: Settings.TLS) throws(CertificateFault) {
        if tls.isGenerated { try CertificateCheck.makePair(of: tls) }
        try self.init(filesOf: tls)
    }

    /// Checks the files.
    init(filesOf tls: Settings.TLS) throws(CertificateFault) {
        do throws(ContextFailure) {
            let context = try ServerContext(ServerContext.Settings(tls), now: CertificateCheck.now)
            summary = context.certificate
            warnings = context.findings.map { finding in
                let text = finding.text
                return Diagnostic(severity: .warning, message: text.hasPrefix("tls.") ? text : "tls: \(text)")
            }
            stamps = context.stamps
        } catch {
            throw CertificateFault(error)
        }
    }

    /// Checks the files, but makes none: nil when a generated pair does not exist and can be made.
    static func withoutMaking(_ tls: Settings.TLS) throws(CertificateFault) -> CertificateCheck? {
        guard tls.isGenerated, access(tls.certificateFile, F_OK) != 0 else { return try CertificateCheck(filesOf: tls) }
        let place = directory(of: tls)
        guard Surroundings.canKeepFiles(in: place) else {
            throw CertificateFault(reason: "\(place) cannot be written; \(advice)")
        }
        return nil
    }

    private static func makePair(of tls: Settings.TLS) throws(CertificateFault) {
        if let failure = RunDirectory.makeDirectories(to: directory(of: tls)) {
            let reason = String(cString: strerror(failure.code))
            throw CertificateFault(reason: "\(failure.path) cannot be made: \(reason); \(advice)")
        }
        do throws(ContextFailure) {
            try GeneratedPair.make(
                name: tls.name, certificateFile: tls.certificateFile, keyFile: tls.keyFile, now: now)
        } catch {
            throw CertificateFault(reason: "\(CertificateFault(error).reason); \(advice)")
        }
    }

    private static let advice =
        "a generated certificate is kept beside the statistics (--database FILE), "
        + "or set \"cert\" and \"cert_key\" of \"tls\""

    private static func directory(of tls: Settings.TLS) -> String {
        tls.certificateFile.lastIndex(of: "/").map { String(tls.certificateFile[..<$0]) } ?? "/"
    }

    /// Seconds since 1970.
    private static var now: Int64 { Int64(WallClock.milliseconds() / 1_000) }
}

/// What `--dry-run` says about the certificate.
struct CertificateReport {
    private(set) var lines: [String] = []
    private(set) var warnings: [Diagnostic] = []
    private(set) var errors: [Diagnostic] = []

    init(of settings: Settings?) {
        guard let settings, let tls = settings.tls else { return }
        do throws(CertificateFault) {
            if let check = try CertificateCheck.withoutMaking(tls) {
                lines = ["TLS for miners: \(check.summary.line)"]
                warnings = check.warnings
            } else {
                let name = tls.name ?? "localhost"
                lines = ["TLS for miners: a certificate for \(name) will be generated: \(tls.certificateFile)"]
            }
        } catch {
            // Another user than that of the service cannot read the generated key, and no address requires it.
            let isOptional = tls.isGenerated && !settings.requiresTLS
            let fault = "tls: miners cannot use TLS: \(error.reason)"
            if isOptional {
                warnings = [Diagnostic(severity: .warning, message: fault)]
            } else {
                errors = [Diagnostic(severity: .error, message: fault)]
            }
        }
    }
}

/// Why miners cannot use TLS.
struct CertificateFault: Error {
    /// Names the file.
    var reason: String

    init(reason: String) {
        self.reason = reason
    }

    init(_ failure: ContextFailure) {
        reason = failure.findings.map(\.text).joined(separator: "; ")
    }

    /// Why a configuration is refused.
    var refusal: StartFailure { StartFailure(exitCode: .badConfiguration, message: "tls: \(reason)") }
}

extension CertificateSummary {
    /// "certificate sha256 … for localhost, valid until 2036-11-27"
    var line: String {
        let names = names.isEmpty ? "" : " for \(names.joined(separator: ", "))"
        return "certificate sha256 \(fingerprint)\(names), valid until \(LocalTime.utc.date(seconds: expires))"
    }
}
