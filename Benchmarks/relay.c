/* The minimum cost of any proxy: sends the bytes of each miner to a pool connection of its own, and back. It parses,
   counts and keeps nothing. `script/bench --floor` measures it. Usage: relay PORT POOL-PORT PROCESSES */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DESCRIPTORS = 60000, EVENTS = 1024, CHUNK = 65536 };
static int other_end[DESCRIPTORS];
static int turns;

static int stream(int port, int listens) {
    int on = 1, descriptor = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int failed = listens ? bind(descriptor, (struct sockaddr *)&address, sizeof address) || listen(descriptor, 4096)
                         : connect(descriptor, (struct sockaddr *)&address, sizeof address);
    if (!failed) return descriptor;
    close(descriptor);
    return -1;
}

static void watch(int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    epoll_ctl(turns, EPOLL_CTL_ADD, descriptor, &event);
}

static void join(int miner, int pool_port) {
    int pool = stream(pool_port, 0);
    if (pool < 0 || miner >= DESCRIPTORS || pool >= DESCRIPTORS) {
        close(miner);
        if (pool >= 0) close(pool);
        return;
    }
    other_end[miner] = pool;
    other_end[pool] = miner;
    watch(miner);
    watch(pool);
}

static void relay(int from) {
    static char chunk[CHUNK];
    int to = other_end[from];
    ssize_t count = read(from, chunk, sizeof chunk);
    if (count > 0) {
        if (to) send(to, chunk, count, MSG_NOSIGNAL);
        return;
    }
    other_end[from] = 0;
    close(from);
    if (to) shutdown(to, SHUT_RDWR);
    if (to) other_end[to] = 0;
}

int main(int count, char **words) {
    if (count != 4) return 64;
    int port = atoi(words[1]), pool_port = atoi(words[2]), processes = atoi(words[3]);
    struct rlimit limit = {DESCRIPTORS, DESCRIPTORS};
    setrlimit(RLIMIT_NOFILE, &limit);
    /* The scheduling policy of Millrace's processes (docs/decisions/0010). */
    struct sched_param parameters = {0};
    sched_setscheduler(0, SCHED_BATCH, &parameters);
    for (int number = 1; number < processes; number++)
        if (fork() == 0) break;
    int listener = stream(port, 1);
    turns = epoll_create1(0);
    if (listener < 0 || turns < 0) return 1;
    watch(listener);
    for (;;) {
        static struct epoll_event events[EVENTS];
        int ready = epoll_wait(turns, events, EVENTS, -1);
        for (int index = 0; index < ready; index++) {
            int descriptor = events[index].data.fd;
            if (descriptor != listener)
                relay(descriptor);
            else if ((descriptor = accept(listener, NULL, NULL)) >= 0)
                join(descriptor, pool_port);
        }
    }
}
