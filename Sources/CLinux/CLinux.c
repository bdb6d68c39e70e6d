#define _GNU_SOURCE
#include "CLinux.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

const char *clinux_build_commit(void) {
#ifdef MILLRACE_COMMIT
    return MILLRACE_COMMIT;
#else
    return NULL;
#endif
}

struct build_id {
    unsigned char *bytes;
    int max;
    int length;
};

static int aligned(ElfW(Word) size) { return (int)((size + 3) & ~3U); }

/// Of the first object, which is the program; the libraries are not asked.
static int read_build_id(struct dl_phdr_info *object, size_t size, void *context) {
    struct build_id *id = context;
    (void)size;
    for (int index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        if (segment->p_type != PT_NOTE) continue;
        const char *note = (const char *)(object->dlpi_addr + segment->p_vaddr);
        const char *end = note + segment->p_memsz;
        while (end - note >= (long)sizeof(ElfW(Nhdr))) {
            const ElfW(Nhdr) *head = (const ElfW(Nhdr) *)note;
            const char *name = note + sizeof *head;
            const char *content = name + aligned(head->n_namesz);
            if (content < name || content + head->n_descsz > end) break;
            if (head->n_type == NT_GNU_BUILD_ID && head->n_namesz == 4 && memcmp(name, "GNU", 4) == 0) {
                id->length = (int)head->n_descsz < id->max ? (int)head->n_descsz : id->max;
                memcpy(id->bytes, content, (size_t)id->length);
                return 1;
            }
            note = content + aligned(head->n_descsz);
        }
    }
    return 1;
}

int clinux_build_id(unsigned char *bytes, int max) {
    struct build_id id = {.bytes = bytes, .max = max};
    dl_iterate_phdr(read_build_id, &id);
    return id.length;
}

int clinux_exit_status(int status) { return WEXITSTATUS(status); }
int clinux_terminating_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }
int clinux_set_parent_death_signal(int signal) { return prctl(PR_SET_PDEATHSIG, signal); }
void clinux_set_process_name(const char *name) { prctl(PR_SET_NAME, name); }

char *clinux_argument(int index) {
    // glibc points it to the first argument; the others follow in memory.
    char *argument = program_invocation_name;
    if (index < 0) return NULL;
    while (index-- > 0) argument += strlen(argument) + 1;
    return argument;
}

int clinux_close_on_exec_from(unsigned int first) { return close_range(first, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */); }
int clinux_memory_file(const char *name) { return memfd_create(name, 0); }

int clinux_process_descriptor(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0); }

int clinux_signal_process(int descriptor, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, descriptor, signal, 0, 0);
}

void clinux_return_freed_memory(void) {
    // Larger than the blocks that are allocated and freed once a second for some thousand miners: a page returned to
    // the system costs a fault when it is used again.
    enum { LARGE = 1024 * 1024 };
    // By default, glibc raises both limits to the largest block that was ever freed, up to 32 MiB.
    mallopt(M_MMAP_THRESHOLD, LARGE);
    mallopt(M_TRIM_THRESHOLD, LARGE);
    mallopt(M_ARENA_MAX, 1);
}

void clinux_trim_heap(void) { malloc_trim(0); }

int clinux_adopt_orphans(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1); }

pid_t clinux_dead_child(void) {
    siginfo_t info;
    info.si_pid = 0;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) return 0;
    return info.si_pid;
}
