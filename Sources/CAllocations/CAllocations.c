#include "CAllocations.h"

#include <errno.h>
#include <stddef.h>

// A program's own malloc takes precedence over the C library's, also for its libraries. glibc exports its functions
// under these names.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static unsigned long long asked;

unsigned long long callocations_count(void) { return asked; }

void *malloc(size_t size) {
    asked++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    asked++;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    asked++;
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    asked++;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    asked++;
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : ENOMEM;
}
