import Configuration
import Control
import DaemonKit
import Foundation
import Glibc
import TLSHandshake
import TestSupport
import Testing

@testable import Supervisor

/// The certificate of miners, as the supervisor makes, checks and shows it.
@Suite struct CertificateProcessTests {
    /// A pair of files for the `tls` of a configuration.
    private struct Pair {
        let certificate: String
        let key: String

        /// - Parameter yearsAgo: when it was made; it is valid for ten years.
        init(in scratch: Scratch, _ name: String = "own", yearsAgo: Int64 = 0) throws {
            certificate = scratch.file("\(name).pem").path
            key = scratch.file("\(name)-key.pem").path
            let now = Int64(Date().timeIntervalSince1970) - yearsAgo * 31_557_600
            try GeneratedPair.make(name: "proxy.example", certificateFile: certificate, keyFile: key, now: now)
        }

        /// The member of a configuration.
        var member: String { "\"tls\": {\"cert\": \"\(certificate)\", \"cert_key\": \"\(key)\"}" }

        var fingerprint: String {
            get throws {
                try CertificateCheck(filesOf: Settings.TLS(certificateFile: certificate, keyFile: key)).summary
                    .fingerprint
            }
        }
    }

    /// What can be wrong with a pair, and the words for it.
    enum Fault: CaseIterable {
        case missing, keyMissing, empty, damaged, mismatched, encrypted, swapped, directory

        var reason: String {
            switch self {
            case .missing: "certificate file FILE does not exist"
            case .keyMissing: "key file KEY does not exist"
            case .empty: "key file KEY is empty"
            case .damaged: "certificate 1 of certificate file FILE is damaged"
            case .mismatched: "key file KEY does not fit certificate file FILE"
            case .encrypted: "key file KEY is encrypted"
            case .swapped: "key file KEY has no private key"
            case .directory: "certificate file FILE is not a regular file"
            }
        }
    }

    /// Damages the files of a pair.
    /// - Returns: the words that name file and reason.
    private func inflict(_ fault: Fault, on pair: Pair, _ scratch: Scratch) throws -> String {
        switch fault {
        case .missing: unlink(pair.certificate)
        case .keyMissing: unlink(pair.key)
        case .empty: try Data().write(to: URL(filePath: pair.key))
        case .damaged:
            let text = try String(contentsOfFile: pair.certificate, encoding: .utf8)
            try Data(text.replacing("MII", with: "AAA", maxReplacements: 1).utf8).write(
                to: URL(filePath: pair.certificate))
        case .mismatched:
            let other = try Pair(in: scratch, "other")
            #expect(rename(other.key, pair.key) == 0)
            unlink(other.certificate)
        case .encrypted:
            let arguments = ["pkey", "-in", pair.key, "-aes256", "-passout", "pass:secret", "-out", pair.key + ".new"]
            #expect(try Command(URL(filePath: "/usr/bin/openssl"), arguments).code == 0)
            #expect(rename(pair.key + ".new", pair.key) == 0)
        case .swapped:
            unlink(pair.key)
            try FileManager.default.copyItem(atPath: pair.certificate, toPath: pair.key)
        case .directory:
            unlink(pair.certificate)
            mkdir(pair.certificate, 0o700)
        }
        return fault.reason.replacing("FILE", with: pair.certificate).replacing("KEY", with: pair.key)
    }

    private func mode(_ path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o777 : nil
    }

    // MARK: - Start

    @Test func aPairIsGeneratedBeforeTheFirstChildAndItsFingerprintStays() throws {
        let service = try SupervisedService()
        let database = service.scratch.file("state/deep/statistics.sqlite").path
        try service.start(["--database", database])
        service.waitUntilReady()
        let directory = service.scratch.file("state/deep").path
        #expect(mode(directory) == 0o700)
        #expect(mode(directory + "/cert.pem") == 0o644 && mode(directory + "/cert_key.pem") == 0o600)
        let certificate = try #require(try service.status().configuration.certificate)
        #expect(certificate.names == ["localhost", "127.0.0.1", "::1"])
        let line = "TLS for miners: certificate sha256 \(certificate.sha256) for localhost, "
        let log = service.logText
        let start = try #require(log.range(of: line)?.lowerBound)
        #expect(start < (try #require(log.range(of: "is ready after")?.lowerBound)))
        #expect(log.contains(/valid until 20[0-9]{2}-[01][0-9]-[0-3][0-9]\n/))
        #expect(try service.status().configuration.warnings == [])
        #expect(service.stop() == 0)

        let next = try SupervisedService.running(["--database", database])
        #expect(next.logText.contains(line))
        #expect(next.stop() == 0)
    }

    @Test func aPairOfTheOperatorIsUsedAndItsFindingsAreWarnings() throws {
        let service = try SupervisedService()
        let pair = try Pair(in: service.scratch, yearsAgo: 12)
        chmod(pair.key, 0o644)
        try service.startFromFile(SupervisedService.file("\"watch\": false, \(pair.member)"))
        service.waitUntilReady()
        let line = "TLS for miners: certificate sha256 \(try pair.fingerprint) for proxy.example, valid until "
        #expect(service.logText.contains(line))
        let warnings = try #require(try service.status().configuration.warnings)
        #expect(warnings.count == 2)
        #expect(warnings.contains { $0.hasPrefix("tls: key file \(pair.key) has mode 0644") })
        #expect(warnings.contains { $0.hasPrefix("tls: certificate file \(pair.certificate) expired ") })
        for warning in warnings { #expect(service.logText.contains(warning)) }
        #expect(try service.ask(.reload) == .done)
        #expect(try service.status().configuration.warnings == warnings)
        #expect(service.stop() == 0)
    }

    @Test(arguments: Fault.allCases)
    func withAnUnusablePairTheServiceStartsWithoutTLSUnlessAnAddressRequiresIt(fault: Fault) throws {
        let service = try SupervisedService()
        let pair = try Pair(in: service.scratch)
        let reason = try inflict(fault, on: pair, service.scratch)
        try service.startFromFile(SupervisedService.file(pair.member))
        service.waitUntilReady()
        #expect(service.logText.contains("miners cannot use TLS: \(reason)"))
        #expect(try service.status().configuration.certificate == nil)
        #expect(service.stop() == 0)

        let strict = try SupervisedService()
        let binds = "\"bind\": [\"127.0.0.1:0\", {\"host\": \"127.0.0.2\", \"port\": 0, \"tls\": true}],"
        try strict.startFromFile(
            SupervisedService.file(pair.member).replacing("\"bind\": [\"127.0.0.1:0\"],", with: binds))
        #expect(strict.exitCode() == ExitCode.badConfiguration.rawValue)
        #expect(strict.logText.contains("tls: \(reason)"))
        #expect(strict.events.isEmpty)
    }

    @Test func aDirectoryThatCannotBeMadeIsNamed() throws {
        let service = try SupervisedService.running(["--database", "/dev/null/millrace/statistics.sqlite"])
        #expect(service.logText.contains("miners cannot use TLS: /dev/null/millrace cannot be made: Not a directory"))
        #expect(service.logText.contains("--database FILE"))
        #expect(service.stop() == 0)
    }

    @Test func withoutTLSThereIsNoCertificate() throws {
        let service = try SupervisedService.runningFromFile(SupervisedService.file("\"tls\": false"))
        #expect(!service.logText.contains("TLS"))
        #expect(try service.status().configuration.certificate == nil)
        #expect(mode(service.runDirectory + "/cert.pem") == nil)
        #expect(service.stop() == 0)
    }

    // MARK: - Dry run

    @Test(arguments: Fault.allCases)
    func aDryRunNamesFileAndReason(fault: Fault) throws {
        let service = try SupervisedService()
        let pair = try Pair(in: service.scratch)
        let reason = try inflict(fault, on: pair, service.scratch)
        try service.startFromFile(SupervisedService.file(pair.member), ["--dry-run"])
        #expect(service.exitCode() == ExitCode.badConfiguration.rawValue)
        #expect(service.logText.contains("error: tls: miners cannot use TLS: \(reason)"))
        #expect(!service.logText.contains("is valid"))
    }

    @Test func aDryRunShowsTheCertificateAndItsFindings() throws {
        let service = try SupervisedService()
        let pair = try Pair(in: service.scratch, yearsAgo: 11)
        try service.startFromFile(SupervisedService.file(pair.member), ["--dry-run", "--tls-ciphers=NONE-SUCH"])
        #expect(service.exitCode() == 0)
        #expect(service.logText.contains("warning: tls.ciphers \"NONE-SUCH\" ignored"))
        #expect(service.logText.contains("warning: tls: certificate file \(pair.certificate) expired "))
        #expect(
            service.logText.contains("TLS for miners: certificate sha256 \(try pair.fingerprint) for proxy.example"))
        #expect(service.logText.contains("The configuration is valid, with 2 warnings."))
    }

    @Test func aDryRunOnlyAnnouncesAGeneratedPair() throws {
        let service = try SupervisedService()
        try service.startFromFile(SupervisedService.file("\"tls\": \"farm.example\""), ["--dry-run"])
        #expect(service.exitCode() == 0)
        let file = service.runDirectory + "/cert.pem"
        #expect(service.logText.contains("a certificate for farm.example will be generated: \(file)"))
        #expect(mode(service.runDirectory) == nil)

        let other = try SupervisedService()
        try other.start(["--dry-run", "--database", "/dev/null/statistics.sqlite"])
        #expect(other.exitCode() == 0)
        #expect(other.logText.contains("warning: tls: miners cannot use TLS: /dev/null cannot be written"))
        let strict = try SupervisedService()
        try strict.start(["--dry-run", "--database", "/dev/null/statistics.sqlite", "--tls-bind", "127.0.0.1:7"])
        #expect(strict.exitCode() == ExitCode.badConfiguration.rawValue)
        #expect(strict.logText.contains("error: tls: miners cannot use TLS: /dev/null cannot be written"))
    }

    // MARK: - Changes

    @Test func aConfigurationWithAnUnusableCertificateIsRefusedAndTheOldOneStays() throws {
        let service = try SupervisedService()
        let good = try Pair(in: service.scratch, "good")
        func file(_ members: String) -> String {
            SupervisedService.file("\"watch\": false, \(members)")
                .replacing("\"shards\": 2", with: "\"shards\": 2, \"trust-documents\": true")
        }
        let text = file(good.member)
        try service.startFromFile(text)
        service.waitUntilReady()
        for (number, fault) in Fault.allCases.enumerated() {
            let bad = try Pair(in: service.scratch, "bad\(number)")
            let reason = try inflict(fault, on: bad, service.scratch)
            let changed = file("\"retries\": 9, \(bad.member)")
            try service.write(changed)
            let refusal = try service.refusal(of: .reload)
            #expect(refusal.kind == .invalid && refusal.lines[0].contains("tls: \(reason)"), "\(refusal.lines)")
            #expect(service.logText.contains(refusal.lines[0]))
            #expect(try service.status().configuration.lastRefusal == refusal.lines)
            try service.write(text)
            #expect(try service.ask(.reload) == .done)
            let received = try service.refusal(of: .configure(document: changed))
            #expect(received.lines[0].contains("tls: \(reason)"), "\(received.lines)")
            #expect(try String(contentsOf: service.file, encoding: .utf8) == text)
        }
        #expect(try service.status().configuration.certificate?.sha256 == good.fingerprint)
        #expect(try service.status().children.map(\.restarts) == [0, 0, 0, 0])

        // The configuration is the same, but its files have been damaged since.
        let fingerprint = try good.fingerprint
        let reason = try inflict(.mismatched, on: good, service.scratch)
        #expect(try service.refusal(of: .reload).lines[0].contains("tls: \(reason)"))
        #expect(try service.status().configuration.certificate?.sha256 == fingerprint)

        let another = try Pair(in: service.scratch, "another")
        try service.write(file(another.member))
        #expect(try service.ask(.reload) == .done)
        #expect(try service.status().configuration.certificate?.sha256 == another.fingerprint)
        #expect(try service.status().configuration.lastRefusal == [])
        service.wait { (try? $0.status().restarting) == [] }
        #expect(service.stop() == 0)
    }

    @Test func aServiceThatStartedWithoutItsCertificateTakesOtherChangesAndLaterTheCertificate() throws {
        let service = try SupervisedService()
        let pair = try Pair(in: service.scratch)
        let aside = pair.certificate + ".aside"
        #expect(rename(pair.certificate, aside) == 0)
        try service.startFromFile(SupervisedService.file("\"watch\": false, \(pair.member)"))
        service.waitUntilReady()
        try service.write(SupervisedService.file("\"watch\": false, \"retries\": 9, \(pair.member)"))
        #expect(try service.ask(.reload) == .done)
        let warning = "tls: miners cannot use TLS: certificate file \(pair.certificate) does not exist"
        #expect(try service.status().configuration.warnings == [warning])
        #expect(rename(aside, pair.certificate) == 0)
        #expect(try service.status().configuration.certificate?.sha256 == pair.fingerprint)
        #expect(try service.ask(.reload) == .done)
        #expect(try service.status().configuration.warnings == [])
        unlink(pair.certificate)
        #expect(try service.refusal(of: .reload).lines == ["tls: certificate file \(pair.certificate) does not exist"])
        service.wait { (try? $0.status().restarting) == [] }
        #expect(service.stop() == 0)
    }

    @Test func theStatusShowsTheCertificateOfTheRenewedFiles() throws {
        let service = try SupervisedService()
        let pair = try Pair(in: service.scratch)
        try service.startFromFile(SupervisedService.file(pair.member))
        service.waitUntilReady()
        func shown() throws -> String { try service.command(["status", "--run-dir", service.runDirectory]).output }
        let first = try pair.fingerprint
        #expect(try shown().contains("\nTLS for miners: certificate sha256 \(first), valid until 20"))
        let renewed = try Pair(in: service.scratch, "renewed")
        let second = try renewed.fingerprint
        #expect(rename(renewed.key, pair.key) == 0)
        #expect(try shown().contains(first))  // half of the renewal
        #expect(rename(renewed.certificate, pair.certificate) == 0)
        #expect(first != second)
        #expect(try shown().contains("\nTLS for miners: certificate sha256 \(second), valid until 20"))
        #expect(service.stop() == 0)
    }

    @Test func tlsThatIsTurnedOnGetsItsPair() throws {
        let service = try SupervisedService.runningFromFile(SupervisedService.file("\"watch\": false, \"tls\": false"))
        try service.write(SupervisedService.file("\"watch\": false, \"tls\": true"))
        #expect(try service.ask(.reload) == .done)
        #expect(mode(service.runDirectory + "/cert_key.pem") == 0o600)
        #expect(try service.status().configuration.certificate != nil)
        service.wait { (try? $0.status().restarting) == [] }
        #expect(service.stop() == 0)
    }

    // MARK: - Upgrade

    @Test(arguments: Fault.allCases)
    func anUpgradeIsRefusedIfItWouldTakeTLSAway(fault: Fault) throws {
        let scratch = Scratch()
        let pair = try Pair(in: scratch)
        var settings = Settings()
        settings.tls = Settings.TLS(certificateFile: pair.certificate, keyFile: pair.key)
        #expect(throws: Never.self) { try MinersCertificate.check(settings, isInUse: true) }
        let reason = try inflict(fault, on: pair, scratch)
        let refusal = try #require(throws: StartFailure.self) {
            try MinersCertificate.check(settings, isInUse: true)
        }
        #expect(refusal.message.hasPrefix("tls: \(reason)"))
        // Miners cannot use TLS before the upgrade either.
        #expect(throws: Never.self) { try MinersCertificate.check(settings, isInUse: false) }
        settings.binds[0].requiresTLS = true
        #expect(throws: StartFailure.self) { try MinersCertificate.check(settings, isInUse: false) }
        settings.tls = nil
        #expect(throws: Never.self) { try MinersCertificate.check(settings, isInUse: true) }
    }

    @Test func afterAnUpgradeTheCertificateIsKnownAndABadOneIsStillRefused() throws {
        let service = try SupervisedService()
        let pair = try Pair(in: service.scratch)
        let text = SupervisedService.file("\"watch\": false, \(pair.member)")
        try service.startFromFile(text)
        service.waitUntilReady()
        let place = ["--run-dir", service.runDirectory]
        let upgrade = try service.command(["upgrade"] + place)
        #expect(upgrade.code == 0, "\(upgrade.complaints)")
        #expect(try service.status().configuration.certificate?.sha256 == pair.fingerprint)
        let reason = try inflict(.empty, on: pair, service.scratch)
        #expect(try service.refusal(of: .reload).lines == ["tls: \(reason)"])
        let refused = try service.command(["upgrade"] + place)
        #expect(refused.code == 1 && refused.complaints.contains("tls: \(reason)"), "\(refused.complaints)")
        #expect(service.stop() == 0)
    }
}
