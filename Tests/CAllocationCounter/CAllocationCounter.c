// Stands in front of the C library's allocator for the whole test process and counts. Swift's runtime allocates objects through
// malloc and posix_memalign.
#include "CAllocationCounter.h"

#include <errno.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif

// Initial-exec: the general model may itself allocate at a thread's first access.
static __thread unsigned long allocations __attribute__((tls_model("initial-exec")));
static __thread unsigned long bytes __attribute__((tls_model("initial-exec")));

unsigned long allocations_of_this_thread(void) { return allocations; }

unsigned long allocated_bytes_of_this_thread(void) { return bytes; }

#ifdef HAS_SANITIZER

bool allocations_are_counted(void) { return false; }

#else

bool allocations_are_counted(void) { return true; }

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static void count(size_t size) {
    allocations++;
    bytes += size;
}

void *malloc(size_t size) { count(size); return __libc_malloc(size); }
void *calloc(size_t number, size_t size) { count(number * size); return __libc_calloc(number, size); }
void *realloc(void *block, size_t size) { count(size); return __libc_realloc(block, size); }
void *aligned_alloc(size_t alignment, size_t size) { count(size); return __libc_memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
    count(size);
    *block = __libc_memalign(alignment, size);
    return *block || !size ? 0 : ENOMEM;
}

#endif
