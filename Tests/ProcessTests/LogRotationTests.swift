import Foundation
import Glibc
import TestSupport
import Testing

extension ServiceTests {
    /// The log file is renamed while everything runs, as logrotate does it.
    @Suite(.serialized, .timeLimit(.minutes(1)))
    struct LogRotationTests {
        /// The files that a process has open, by their present names.
        private func openFiles(of process: pid_t) -> Set<String> {
            let place = "/proc/\(process)/fd"
            let names = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
            return Set(
                names.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(place)/\($0)") })
        }

        @Test func afterARenameAndSIGHUPEveryProcessWritesToTheNewFile() throws {
            let place = Scratch()
            let log = place.file("a.log").path
            let service = try Service(millrace: ["--log-file", log])
            let processes = [service.millrace.pid] + service.allChildren
            #expect(processes.count == 5)
            #expect(eventually(within: 5) { processes.allSatisfy { openFiles(of: $0).contains(log) } })
            for round in 1...2 {
                let former = "\(log).\(round)"
                try FileManager.default.moveItem(atPath: log, toPath: former)
                #expect(processes.allSatisfy { openFiles(of: $0).contains(former) })
                kill(service.millrace.pid, SIGHUP)
                let isDone = eventually(within: 5) {
                    processes.allSatisfy { openFiles(of: $0).contains(log) && !openFiles(of: $0).contains(former) }
                }
                #expect(isDone, "\(processes.map { openFiles(of: $0) })")
                let text = try String(contentsOfFile: log, encoding: .utf8)
                #expect(text.contains("log file \(log) reopened"))
            }
            // Nobody was replaced for it.
            #expect([service.millrace.pid] + service.allChildren == processes)
        }
    }
}
