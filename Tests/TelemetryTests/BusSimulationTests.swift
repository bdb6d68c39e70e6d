import Glibc
import Testing

@testable import Telemetry

/// However the network behaves, and whoever is killed: no event counts twice, none is missed while the ring holds it, a
/// loss is reported when, and only when, something may be missing, and the next checkpoint repairs the totals.
///
/// The suite tries some ten thousands of schedules; `MILLRACE_SIMULATIONS=5000000` as many as you have time for, and
/// `MILLRACE_SIMULATION_SEED` others than the first ones. A schedule is named by its number; what is said of it comes true
/// again.
struct BusSimulationTests {
    private static func number(_ name: String) -> UInt64? { getenv(name).flatMap { UInt64(String(cString: $0)) } }

    private static let firstSeed = number("MILLRACE_SIMULATION_SEED") ?? 0
    private static let count = number("MILLRACE_SIMULATIONS") ?? 20_000
    /// Several at once, for machines with several cores.
    private static let parts: UInt64 = 8
    /// The first few say what there is to say.
    private static let complaintsMax = 5

    @Test(arguments: 0..<parts) func everySchedule(part: UInt64) {
        let first = Self.firstSeed + Self.count * part / Self.parts
        var complaints = 0
        for seed in first..<Self.firstSeed + Self.count * (part + 1) / Self.parts where complaints < Self.complaintsMax
        {
            var simulation = BusSimulation(seed: seed)
            simulation.run()
            complaints += complain(simulation, seed)
        }
        print("schedules of the bus: \(first)..<\(Self.firstSeed + Self.count * (part + 1) / Self.parts)")
    }

    @Test func theStatisticsFoldToTheSame() {
        for seed in Self.firstSeed..<Self.firstSeed + 500 {
            var simulation = BusSimulation(seed: seed, foldsStatistics: true)
            simulation.run()
            if complain(simulation, seed) > 0 { return }
        }
    }

    /// Else the rules above would hold for want of occasion.
    @Test func schedulesMeetWhatTheyAreFor() {
        var (losses, unknown, restarts, lastWords) = (0, 0, 0, 0)
        for seed in 0..<400 as Range<UInt64> {
            var simulation = BusSimulation(seed: seed)
            simulation.run()
            losses += simulation.books.pages.last.map { $0.lost > 0 ? 1 : 0 } ?? 0
            unknown += simulation.books.pages.contains { $0.hasLossOfUnknownSize } ? 1 : 0
            lastWords += simulation.books.pages.contains { $0.heardLastWord && $0.lost == 0 } ? 1 : 0
            restarts += simulation.lives.count > 2 ? 1 : 0
        }
        for count in [losses, unknown, restarts, lastWords] {
            #expect(count > 20, "\((losses, unknown, restarts, lastWords))")
        }
    }

    private func complain(_ simulation: BusSimulation, _ seed: UInt64) -> Int {
        guard let violation = simulation.violations.first else { return 0 }
        Issue.record("schedule \(seed): \(violation) (\(simulation.violations.count) complaints)")
        return 1
    }
}
