import EventLoop
import Glibc
import RandomX
import Synchronization
import Testing

/// Holds the computing threads up until it is opened.
private final class Gate: Sendable {
    private let isOpen = Atomic(false)

    func open() { isOpen.store(true, ordering: .releasing) }

    func pass() {
        while !isOpen.load(ordering: .acquiring) { usleep(1_000) }
    }
}

/// A loop, and what came out of the threads beside it.
private final class Desk {
    var answers: [Int] = []
    let loop: Loop
    private let gate = Gate()
    private var threads: HashingThreads<Int, Int>?

    init(waitingMax: Int) throws {
        loop = try Loop()
        threads = try HashingThreads(
            on: loop, threads: 1, waitingMax: waitingMax,
            compute: { [gate] number, _ in
                gate.pass()
                return number * 2
            },
            answered: { [unowned self] in
                answers.append($0)
                if answers.count == expected { loop.stop() }
            })
    }

    private var expected = 0

    func ask(_ numbers: Range<Int>) -> Int {
        let taken = numbers.count { threads?.ask($0) == true }
        expected += taken
        return taken
    }

    /// Lets the thread work, and runs the loop until every question has its answer.
    func awaitAnswers() {
        gate.open()
        let patience = Timer(on: loop) { [unowned self] in loop.stop() }
        patience.start(after: 60_000)
        loop.run()
        patience.close()
    }

    func close() {
        gate.open()
        threads?.close()
    }
}

struct HashingThreadsTests {
    @Test func answersComeOnTheLoopInOrder() throws {
        let desk = try Desk(waitingMax: 100)
        #expect(desk.ask(0..<100) == 100)
        desk.awaitAnswers()
        #expect(desk.answers == (0..<100).map { $0 * 2 })
        desk.close()
    }

    /// The thread takes at most one away, and stands before the gate with it.
    @Test func theQueueHasAnEnd() throws {
        let desk = try Desk(waitingMax: 10)
        #expect((10...11).contains(desk.ask(0..<1_000)))
        desk.awaitAnswers()
        #expect((10...11).contains(desk.answers.count))
        desk.close()
    }

    @Test func afterTheEndNothingIsTaken() throws {
        let desk = try Desk(waitingMax: 10)
        desk.close()
        #expect(desk.ask(0..<5) == 0)
    }
}
