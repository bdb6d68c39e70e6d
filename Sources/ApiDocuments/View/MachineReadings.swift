/// The use of memory and processors at one moment: `resources` of `/1/summary`.
package struct MachineReadings: Equatable, Sendable {
    /// Bytes that are available to programs (MemAvailable).
    package var memoryFree: UInt64 = 0
    /// Bytes.
    package var memoryTotal: UInt64 = 0
    /// Bytes of memory of all processes of the service together; a page that several share counts once (PSS).
    /// xmrig-proxy shows the resident memory of its one process.
    package var serviceResident: UInt64 = 0
    /// Over 1, 5 and 15 minutes.
    package var loadAverage = [Hundredths](repeating: Hundredths(0), count: 3)
    /// Processors that are online.
    package var processors: UInt32 = 0

    package init() {}
}
