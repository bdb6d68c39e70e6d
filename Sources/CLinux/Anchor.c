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
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// One message asks, one or more answer. A request is an array of descriptors; an empty one cannot be sent over
// SOCK_SEQPACKET without looking like the end, so the wish for a list is the single number -1.
enum { LIST = -1, LIST_CHUNK = 1000, ANSWER_MILLISECONDS = 1000 };

static int is_tcp_connection(int descriptor) {
    int value = 0;
    socklen_t size = sizeof value;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PROTOCOL, &value, &size) < 0 || value != IPPROTO_TCP) return 0;
    size = sizeof value;
    return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value == 0;
}

/// Chunks of descriptors, then a chunk that is not full.
static void answer_list(int socket) {
    struct rlimit limit;
    int end = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 1 << 20 ? (int)limit.rlim_cur : 1 << 20;
    int chunk[LIST_CHUNK + 1];
    int count = 0;
    for (int descriptor = 0; descriptor < end; descriptor++) {
        if (!is_tcp_connection(descriptor)) continue;
        chunk[count++] = descriptor;
        if (count < LIST_CHUNK) continue;
        if (send(socket, chunk, sizeof(int) * LIST_CHUNK, MSG_NOSIGNAL) < 0) return;
        count = 0;
    }
    chunk[count] = LIST;  // so that the last chunk is never empty
    send(socket, chunk, sizeof(int) * (count + 1), MSG_NOSIGNAL);
}

/// A byte for each descriptor, 1 = it is open, and those that are.
static void answer_take(int socket, const int *wanted, int count) {
    char is_open[CLINUX_ANCHOR_TAKE_MAX];
    int open[CLINUX_ANCHOR_TAKE_MAX];
    int open_count = 0;
    for (int index = 0; index < count; index++) {
        is_open[index] = fcntl(wanted[index], F_GETFD) >= 0;
        if (is_open[index]) open[open_count++] = wanted[index];
    }
    union {
        char bytes[CMSG_SPACE(sizeof open)];
        struct cmsghdr aligned;
    } control;
    struct iovec content = {is_open, (size_t)count};
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
    sendmsg(socket, &message, MSG_NOSIGNAL);
}

static void anchor(int socket) {
    prctl(PR_SET_NAME, "millrace-anchor");
    prctl(PR_SET_PDEATHSIG, 0);
    // The process whose descriptors we keep is told to leave; we leave when the supervisor lets go of us.
    const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2, SIGQUIT};
    for (size_t index = 0; index < sizeof ignored / sizeof *ignored; index++) signal(ignored[index], SIG_IGN);
    int wanted[CLINUX_ANCHOR_TAKE_MAX];
    for (;;) {
        ssize_t bytes = recv(socket, wanted, sizeof wanted, 0);
        if (bytes < 0 && (errno == EINTR || errno == EAGAIN)) {
            struct pollfd wait = {socket, POLLIN, 0};
            poll(&wait, 1, -1);
            continue;
        }
        if (bytes <= 0) _exit(0);
        int count = (int)((size_t)bytes / sizeof(int));
        if (count == 1 && wanted[0] == LIST) answer_list(socket);
        else answer_take(socket, wanted, count);
    }
}

pid_t clinux_anchor_start(int socket) {
    // Like fork(), but the table of descriptors stays one.
    long result = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    if (result == 0) anchor(socket);
    return (pid_t)result;
}

static int await(int socket) {
    struct pollfd wait = {socket, POLLIN, 0};
    int result = poll(&wait, 1, ANSWER_MILLISECONDS);
    if (result > 0) return 0;
    if (result == 0) errno = ETIMEDOUT;
    return -1;
}

int clinux_anchor_take(int socket, const int *wanted, int count, int *taken) {
    if (count <= 0 || count > CLINUX_ANCHOR_TAKE_MAX) {
        errno = EINVAL;
        return -1;
    }
    for (int index = 0; index < count; index++) taken[index] = -1;
    if (send(socket, wanted, sizeof(int) * count, MSG_NOSIGNAL) < 0 || await(socket) < 0) return -1;
    char is_open[CLINUX_ANCHOR_TAKE_MAX];
    union {
        char bytes[CMSG_SPACE(sizeof(int) * CLINUX_ANCHOR_TAKE_MAX)];
        struct cmsghdr aligned;
    } control;
    struct iovec content = {is_open, sizeof is_open};
    struct msghdr message = {
        .msg_iov = &content, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t bytes = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (bytes < 0) return -1;
    const int *passed = NULL;
    int passed_count = 0;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
        passed = (const int *)CMSG_DATA(head);
        passed_count = (int)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    }
    int open_count = 0;
    for (ssize_t index = 0; index < bytes; index++) open_count += is_open[index] != 0;
    // Truncated means that we have no room for them: half a batch is of no use, and must not leak.
    if (bytes != count || passed_count != open_count || message.msg_flags & MSG_CTRUNC) {
        for (int index = 0; index < passed_count; index++) close(passed[index]);
        errno = message.msg_flags & MSG_CTRUNC ? EMFILE : EPROTO;
        return -1;
    }
    for (int index = 0; index < count; index++) {
        if (!is_open[index]) continue;
        memcpy(&taken[index], passed++, sizeof(int));
    }
    return 0;
}

int clinux_anchor_list(int socket, int *descriptors, int max) {
    int request = LIST, chunk[LIST_CHUNK + 1], total = 0;
    if (send(socket, &request, sizeof request, MSG_NOSIGNAL) < 0) return -1;
    for (;;) {
        if (await(socket) < 0) return -1;
        ssize_t bytes = recv(socket, chunk, sizeof chunk, 0);
        if (bytes <= 0) return -1;
        int count = (int)((size_t)bytes / sizeof(int));
        for (int index = 0; index < count; index++) {
            if (chunk[index] == LIST) return total;
            if (total < max) descriptors[total++] = chunk[index];
        }
    }
}

int clinux_tcp_counts(int descriptor, unsigned long long *written, unsigned long long *read) {
    struct tcp_info info;
    socklen_t size = sizeof info;
    int unread = 0, unacknowledged = 0;
    memset(&info, 0, sizeof info);
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) < 0) return -1;
    if (ioctl(descriptor, SIOCINQ, &unread) < 0 || ioctl(descriptor, SIOCOUTQ, &unacknowledged) < 0) return -1;
    *written = info.tcpi_bytes_acked + (unsigned long long)unacknowledged;
    *read = info.tcpi_bytes_received - (unsigned long long)unread;
    // The peer's FIN counts as a byte received, and never as one unread.
    enum { CLOSE_WAIT = 8, LAST_ACK = 9, CLOSING = 11 };
    if (info.tcpi_state == CLOSE_WAIT || info.tcpi_state == LAST_ACK || info.tcpi_state == CLOSING) *read -= 1;
    return 0;
}

void *clinux_map_shared(int descriptor, size_t length) {
    if (ftruncate(descriptor, (off_t)length) < 0) return NULL;
    void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

int clinux_release_pages(int descriptor, off_t offset, off_t length) {
    return fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}
