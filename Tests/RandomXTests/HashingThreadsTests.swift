import EventLoop
import RandomX
import Testing

/// A loop, and what came out of the threads beside it.
private final class Desk {
    var answers: [Int] = []
    let loop: Loop
    private var threads: HashingThreads<Int, Int>?

    init(waitingMax: Int) throws {
        loop = try Loop()
        threads = try HashingThreads(
            on: loop, threads: 1, waitingMax: waitingMax, key: [1], compute: { number, _ in number * 2 },
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

    /// Runs the loop until every question has its answer.
    func awaitAnswers() {
        let patience = Timer(on: loop) { [unowned self] in loop.stop() }
        patience.start(after: 60_000)
        loop.run()
        patience.close()
    }

    func close() { threads?.close() }
}

struct HashingThreadsTests {
    @Test func answersComeOnTheLoopInOrder() throws {
        let desk = try Desk(waitingMax: 100)
        #expect(desk.ask(0..<100) == 100)
        desk.awaitAnswers()
        #expect(desk.answers == (0..<100).map { $0 * 2 })
        desk.close()
    }

    /// The thread fills its cache meanwhile, so it takes at most one away.
    @Test func theQueueHasAnEnd() throws {
        let desk = try Desk(waitingMax: 10)
        #expect((10...11).contains(desk.ask(0..<1_000)))
        desk.awaitAnswers()
        #expect(desk.answers.count <= 11 && !desk.answers.isEmpty)
        desk.close()
    }

    @Test func afterTheEndNothingIsTaken() throws {
        let desk = try Desk(waitingMax: 10)
        desk.close()
        #expect(desk.ask(0..<5) == 0)
    }
}
