import Glibc
import Testing

@testable import Handover

struct StateMemoryTests {
    private let descriptor: Int32

    init() throws {
        descriptor = try StateMemory.make(name: "test")
    }

    @Test func nothingIsLeftInANewOne() throws {
        #expect(try StateMemory(descriptor: descriptor).left == nil)
    }

    @Test func aFormAndWhatFollowsItAreFoundByTheNext() throws {
        let first = try StateMemory(descriptor: descriptor)
        let log = try #require(first.renew(with: [1, 2, 3]))
        #expect(log.prefix(100_000).allSatisfy { $0 == 0 })
        log.copyBytes(from: [9, 8, 7])

        let left = try #require(try StateMemory(descriptor: descriptor).left)
        #expect(left.generation == 1)
        #expect(left.form.elementsEqual([1, 2, 3]))
        #expect(left.log.prefix(4).elementsEqual([9, 8, 7, 0]))
    }

    @Test func eachFormReplacesTheOneBefore() throws {
        let memory = try StateMemory(descriptor: descriptor)
        for round in 1...5 {
            let log = try #require(memory.renew(with: [UInt8](repeating: UInt8(round), count: round * 1_000)))
            #expect(log.prefix(100_000).allSatisfy { $0 == 0 })
            log.copyBytes(from: [UInt8](repeating: 0xff, count: 100_000))
            let left = try #require(memory.left)
            #expect(left.generation == UInt64(round))
            #expect(left.form.count == round * 1_000)
            #expect(left.form.allSatisfy { $0 == UInt8(round) })
        }
    }

    @Test func whatIsNoLongerInForceTakesNoMemory() throws {
        let memory = try StateMemory(descriptor: descriptor)
        for _ in 0..<20 {
            let log = try #require(memory.renew(with: [UInt8](repeating: 1, count: 1 << 20)))
            log.copyBytes(from: [UInt8](repeating: 1, count: 1 << 20))
        }
        var status = stat()
        #expect(fstat(descriptor, &status) == 0)
        #expect(status.st_blocks * 512 <= 3 << 20)
    }

    @Test func aFormThatIsTooLargeChangesNothing() throws {
        let memory = try StateMemory(descriptor: descriptor)
        #expect(memory.renew(with: [1]) != nil)
        #expect(memory.renew(with: [UInt8](repeating: 0, count: StateMemory.halfBytes / 2 + 1)) == nil)
        #expect(memory.left?.form.elementsEqual([1]) == true)
    }

    @Test func whatIsForgottenIsNotFound() throws {
        let memory = try StateMemory(descriptor: descriptor)
        #expect(memory.renew(with: [1]) != nil)
        memory.clear()
        #expect(memory.left == nil)
        #expect(memory.renew(with: [2]) != nil)
        #expect(memory.left?.form.elementsEqual([2]) == true)
    }

    @Test(arguments: [0, 8]) func aStrangersMemoryIsNotRead(offset: Int) throws {
        let memory = try StateMemory(descriptor: descriptor)
        #expect(memory.renew(with: [1]) != nil)
        #expect(pwrite(descriptor, "x", 1, off_t(offset)) == 1)
        #expect(memory.left == nil)
    }
}
