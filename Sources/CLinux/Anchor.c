#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// One request, one or more answers. A request is its name (the process that asks, and its number of the request), then
// an array of descriptors; a request for the list is the single number -1. Each answer begins with the name of its
// request: an earlier process may have been killed before it read its answer, which must not be mistaken for a later
// one.
enum { LIST = -1, LIST_CHUNK = 1000, ANSWER_MILLISECONDS = 1000 };

struct name {
    int process;
    int number;
};

struct request {
    struct name name;
    int wanted[CLINUX_ANCHOR_TAKE_MAX];
};

struct list {
    struct name name;
    int descriptors[LIST_CHUNK + 1];
};

struct taken {
    struct name name;
    char is_open[CLINUX_ANCHOR_TAKE_MAX];
};

static int is_tcp_connection(int descriptor) {
    int value = 0;
    socklen_t size = sizeof value;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PROTOCOL, &value, &size) < 0 || value != IPPROTO_TCP) return 0;
    size = sizeof value;
    return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value == 0;
}

/// Sends chunks of descriptors, the last of them not full.
static void answer_list(int socket, struct name name) {
    struct rlimit limit;
    int end = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 1 << 20 ? (int)limit.rlim_cur : 1 << 20;
    struct list chunk = {.name = name};
    int count = 0;
    for (int descriptor = 0; descriptor < end; descriptor++) {
        if (!is_tcp_connection(descriptor)) continue;
        chunk.descriptors[count++] = descriptor;
        if (count < LIST_CHUNK) continue;
        if (send(socket, &chunk, sizeof name + sizeof(int) * LIST_CHUNK, MSG_NOSIGNAL) < 0) return;
        count = 0;
    }
    chunk.descriptors[count] = LIST;  // the end
    send(socket, &chunk, sizeof name + sizeof(int) * (count + 1), MSG_NOSIGNAL);
}

/// Sends an answer with the descriptors it marks as open; -1 with EBADF when one of them is not open.
static int send_taken(int socket, const struct taken *answer, const int *wanted, int count) {
    union {
        char bytes[CMSG_SPACE(sizeof(int) * CLINUX_ANCHOR_TAKE_MAX)];
        struct cmsghdr aligned;
    } control;
    int open[CLINUX_ANCHOR_TAKE_MAX];
    int open_count = 0;
    for (int index = 0; index < count; index++) {
        if (answer->is_open[index]) open[open_count++] = wanted[index];
    }
    struct iovec content = {(void *)answer, sizeof answer->name + (size_t)count};
    struct msghdr message = {.msg_iov = &content, .msg_iovlen = 1};
    if (open_count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * open_count);
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int) * open_count);
        memcpy(CMSG_DATA(head), open, sizeof(int) * open_count);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/// Sends a byte for each descriptor, 1 if it is open, and duplicates of the open ones.
static void answer_take(int socket, const struct request *request, int count) {
    struct taken answer = {.name = request->name};
    // Almost always all are open, so that a check of each would only cost a call.
    memset(answer.is_open, 1, (size_t)count);
    if (send_taken(socket, &answer, request->wanted, count) == 0 || errno != EBADF) return;
    for (int index = 0; index < count; index++) answer.is_open[index] = fcntl(request->wanted[index], F_GETFD) >= 0;
    send_taken(socket, &answer, request->wanted, count);
}

/// Changes the name in process lists, which is the first argument; this process has its own copy of that memory. The
/// rest of the argument ("millrace-worker: shard 0") stays, and shows the shard of the anchor.
static void take_title(void) {
    static const char program[] = "millrace-worker", title[] = "millrace-anchor";
    _Static_assert(sizeof program == sizeof title, "one takes the place of the other");
    prctl(PR_SET_NAME, title);
    char *argument = program_invocation_name;
    if (strncmp(argument, program, sizeof program - 1) == 0) memcpy(argument, title, sizeof title - 1);
    else strncpy(argument, title, strlen(argument));
}

/// oom_score_adj of the process before `clinux_offer_to_oom_killer`; the anchor restores it.
static int oom_score = -1001;

static void set_oom_score(int score) {
    char text[16];
    int length = snprintf(text, sizeof text, "%d", score);
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    // A failure is ignored, because nothing depends on the value.
    if (write(file, text, (size_t)length) < 0) errno = 0;
    close(file);
}

void clinux_offer_to_oom_killer(int more) {
    char text[16];
    int file = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0) return;
    text[length] = 0;
    oom_score = atoi(text);
    set_oom_score(oom_score + more > 1000 ? 1000 : oom_score + more);
}

/// - signals: the mask to restore; all signals are blocked at the call.
static void anchor(int socket, const sigset_t *signals) {
    take_title();
    prctl(PR_SET_PDEATHSIG, 0);
    if (oom_score >= -1000) set_oom_score(oom_score);
    // Handlers of the caller have no meaning here.
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    // These signals are for the process whose descriptors are kept. The anchor exits when the supervisor closes its
    // socket.
    const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2, SIGQUIT};
    for (size_t index = 0; index < sizeof ignored / sizeof *ignored; index++) signal(ignored[index], SIG_IGN);
    sigprocmask(SIG_SETMASK, signals, NULL);
    struct request request;
    for (;;) {
        ssize_t bytes = recv(socket, &request, sizeof request, 0);
        if (bytes < 0 && (errno == EINTR || errno == EAGAIN)) {
            struct pollfd wait = {socket, POLLIN, 0};
            poll(&wait, 1, -1);
            continue;
        }
        if (bytes <= 0) _exit(0);
        if ((size_t)bytes <= sizeof request.name) continue;
        int count = (int)(((size_t)bytes - sizeof request.name) / sizeof(int));
        if (count == 1 && request.wanted[0] == LIST) answer_list(socket, request.name);
        else answer_take(socket, &request, count);
    }
}

pid_t clinux_anchor_start(int socket) {
    // A handler of the caller must not run in the new process: it could write to a descriptor of the caller.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    // Like fork(), but with a shared descriptor table.
    long result = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    if (result == 0) anchor(socket, &before);
    int code = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = code;
    return (pid_t)result;
}

enum clinux_anchor_state clinux_anchor_check(pid_t anchor, int *signal) {
    int status = 0;
    *signal = 0;
    if (waitpid(anchor, &status, WNOHANG | WUNTRACED) <= 0) return CLINUX_ANCHOR_RUNS;
    if (WIFSTOPPED(status)) {
        *signal = WSTOPSIG(status);
        kill(anchor, SIGCONT);
        return CLINUX_ANCHOR_STOPPED;
    }
    if (WIFEXITED(status)) return CLINUX_ANCHOR_LIFTED;
    *signal = WTERMSIG(status);
    return CLINUX_ANCHOR_KILLED;
}

static struct name new_name(void) {
    static int number;
    return (struct name){getpid(), ++number};
}

static int is_same(struct name one, struct name other) {
    return one.process == other.process && one.number == other.number;
}

static int await(int socket) {
    struct pollfd wait = {socket, POLLIN, 0};
    int result = poll(&wait, 1, ANSWER_MILLISECONDS);
    if (result > 0) return 0;
    if (result == 0) errno = ETIMEDOUT;
    return -1;
}

static int ask(int socket, const struct request *request, int count) {
    return send(socket, request, sizeof request->name + sizeof(int) * count, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/// Receives one answer to a take. The descriptors of an answer to another request are closed. 1 when the answer is for
/// this request, 0 when not, -1 with errno.
static int receive_taken(int socket, struct name name, int count, int *taken) {
    struct taken answer;
    union {
        char bytes[CMSG_SPACE(sizeof(int) * CLINUX_ANCHOR_TAKE_MAX)];
        struct cmsghdr aligned;
    } control;
    struct iovec content = {&answer, sizeof answer};
    struct msghdr message = {
        .msg_iov = &content, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    if (await(socket) < 0) return -1;
    ssize_t bytes = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (bytes < 0) return -1;
    if (bytes == 0) {
        errno = EPIPE;
        return -1;
    }
    const int *passed = NULL;
    int passed_count = 0;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
        passed = (const int *)CMSG_DATA(head);
        passed_count = (int)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    }
    int is_ours = (size_t)bytes >= sizeof answer.name && is_same(answer.name, name);
    int open_count = 0;
    int answered = is_ours ? (int)((size_t)bytes - sizeof answer.name) : 0;
    for (int index = 0; index < answered; index++) open_count += answer.is_open[index] != 0;
    // MSG_CTRUNC: there are not enough descriptors. An incomplete batch is useless, and must not leak.
    int is_whole = answered == count && passed_count == open_count && !(message.msg_flags & MSG_CTRUNC);
    if (!is_ours || !is_whole) {
        for (int index = 0; index < passed_count; index++) close(passed[index]);
        if (!is_ours) return 0;
        errno = message.msg_flags & MSG_CTRUNC ? EMFILE : EPROTO;
        return -1;
    }
    for (int index = 0; index < count; index++) {
        if (answer.is_open[index]) memcpy(&taken[index], passed++, sizeof(int));
    }
    return 1;
}

int clinux_anchor_take(int socket, const int *wanted, int count, int *taken) {
    if (count <= 0 || count > CLINUX_ANCHOR_TAKE_MAX) {
        errno = EINVAL;
        return -1;
    }
    struct request request = {.name = new_name()};
    for (int index = 0; index < count; index++) {
        taken[index] = -1;
        request.wanted[index] = wanted[index];
    }
    if (ask(socket, &request, count) < 0) return -1;
    for (;;) {
        int result = receive_taken(socket, request.name, count, taken);
        if (result != 0) return result < 0 ? -1 : 0;
    }
}

int clinux_anchor_list(int socket, int *descriptors, int max) {
    struct request request = {.name = new_name(), .wanted = {LIST}};
    struct list chunk;
    int total = 0;
    if (ask(socket, &request, 1) < 0) return -1;
    for (;;) {
        if (await(socket) < 0) return -1;
        // The kernel closes descriptors of an answer to another process, because this call has no room for them.
        ssize_t bytes = recv(socket, &chunk, sizeof chunk, 0);
        if (bytes <= 0) return -1;
        if ((size_t)bytes <= sizeof chunk.name || !is_same(chunk.name, request.name)) continue;
        int count = (int)(((size_t)bytes - sizeof chunk.name) / sizeof(int));
        for (int index = 0; index < count; index++) {
            if (chunk.descriptors[index] == LIST) return total;
            if (total < max) descriptors[total++] = chunk.descriptors[index];
        }
    }
}

/// The peer's FIN counts as a received byte, but never as an unread one.
static unsigned long long received_bytes(const struct tcp_info *info) {
    enum { CLOSE_WAIT = 8, LAST_ACK = 9, CLOSING = 11 };
    int has_ended = info->tcpi_state == CLOSE_WAIT || info->tcpi_state == LAST_ACK || info->tcpi_state == CLOSING;
    return info->tcpi_bytes_received - (unsigned long long)has_ended;
}

static int get_info(int descriptor, struct tcp_info *info) {
    socklen_t size = sizeof *info;
    memset(info, 0, size);
    return getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, info, &size);
}

int clinux_tcp_counts(int descriptor, unsigned long long *written, unsigned long long *read) {
    struct tcp_info info;
    int unread, unacknowledged, unread_after = 0, unacknowledged_after = 0;
    // No process reads or writes here: the number of unread bytes can only grow, and that of unacknowledged bytes only
    // shrink. So if both are zero now, no byte was unread at the time of TCP_INFO, and nothing more will be
    // acknowledged.
    if (get_info(descriptor, &info) < 0 || ioctl(descriptor, SIOCINQ, &unread_after) < 0) return -1;
    if (unread_after == 0 && info.tcpi_unacked == 0 && info.tcpi_notsent_bytes == 0) {
        *written = info.tcpi_bytes_acked;
        *read = received_bytes(&info);
        return 0;
    }
    if (ioctl(descriptor, SIOCOUTQ, &unacknowledged_after) < 0) return -1;
    // The peer continues meanwhile. If neither queue has changed, the values read in between are from the same moment.
    do {
        unread = unread_after;
        unacknowledged = unacknowledged_after;
        if (get_info(descriptor, &info) < 0) return -1;
        if (ioctl(descriptor, SIOCINQ, &unread_after) < 0 || ioctl(descriptor, SIOCOUTQ, &unacknowledged_after) < 0)
            return -1;
    } while (unread != unread_after || unacknowledged != unacknowledged_after);
    *written = info.tcpi_bytes_acked + (unsigned long long)unacknowledged;
    *read = received_bytes(&info) - (unsigned long long)unread;
    return 0;
}

void *clinux_map_shared(int descriptor, size_t length) {
    if (ftruncate(descriptor, (off_t)length) < 0) return NULL;
    void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED) return NULL;
    // It may contain passwords and keys, which do not belong in a core dump.
    (void)madvise(memory, length, MADV_DONTDUMP);
    return memory;
}

int clinux_release_pages(int descriptor, off_t offset, off_t length) {
    return fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}
