/// Measures single steps of the processing of a share within this process: `script/bench --micro`, docs/PERFORMANCE.md.
///
/// Arguments select steps by a part of their names; without arguments all are measured.
@main
enum MicroBench {
    static func main() {
        let wanted = CommandLine.arguments.dropFirst()
        for (name, measure) in Steps.all + Records.all + Scene.all
        where wanted.isEmpty || wanted.contains(where: { name.contains($0) }) {
            let measured = measure()
            print("\(name)\t\(rounded(measured.nanoseconds))\t\(rounded(measured.allocations))")
        }
    }

    /// Rounds to thousandths.
    private static func rounded(_ number: Double) -> Double { Double(Int(number * 1_000 + 0.5)) / 1_000 }
}
