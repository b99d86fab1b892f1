#ifndef C_ALLOCATION_COUNTER_H
#define C_ALLOCATION_COUNTER_H

#include <stdbool.h>

/// Blocks that this thread has asked the C library for since it began: malloc, calloc, realloc, posix_memalign, aligned_alloc.
unsigned long allocations_of_this_thread(void);

/// Bytes of them, as they were asked for; of a block that was made larger all of it.
unsigned long allocated_bytes_of_this_thread(void);

/// Whether they are counted: not under a sanitizer, which brings an allocator of its own.
bool allocations_are_counted(void);

#endif
