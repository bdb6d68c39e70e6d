/// Measures single steps of the path of a share, in this process alone: `script/bench --micro`, docs/PERFORMANCE.md.
///
/// Arguments name the steps that are wanted, by a part of their names; without any all are measured.
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

    /// To thousandths.
    private static func rounded(_ number: Double) -> Double { Double(Int(number * 1_000 + 0.5)) / 1_000 }
}
