// Comparisons of many numbers at once that end in a mask with a bit for each: what SIMD types of Swift have no expression for, and
// compilers don't find in what can be said with them. Plain C says the same where there is no SSE2; compilers make vectors of it.

#pragma once

#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// Boxes that are compared at once, and numbers of a line.
enum { WEIR_GROUP = 8, WEIR_LINE = 16 };

/// How many of a line's numbers are less than one.
/// - Parameter line: `WEIR_LINE` numbers, ascending, at a multiple of 16 octets.
static inline __attribute__((always_inline)) uint32_t weir_count_less(const int32_t *_Nonnull line, int32_t number) {
#if defined(__SSE2__)
    const __m128i *parts = (const __m128i *)line;
    const __m128i all = _mm_set1_epi32(number);
    const __m128i low = _mm_packs_epi32(_mm_cmpgt_epi32(all, parts[0]), _mm_cmpgt_epi32(all, parts[1]));
    const __m128i high = _mm_packs_epi32(_mm_cmpgt_epi32(all, parts[2]), _mm_cmpgt_epi32(all, parts[3]));
    // Bits of the first, since they ascend; the complement has a one after them.
    return (uint32_t)__builtin_ctz(~(uint32_t)_mm_movemask_epi8(_mm_packs_epi16(low, high)));
#else
    uint32_t count = 0;
    for (int place = 0; place < WEIR_LINE; place++) count += line[place] < number;
    return count;
#endif
}

/// Set before anything else runs, and never again.
extern int weir_has_avx2;

/// Whether the machine can run what is made for AVX2.
static inline int weir_can_avx2(void) { return weir_has_avx2; }

uint32_t weir_boxes_holding_avx2(const int32_t *_Nonnull lines, const int32_t *_Nonnull point, intptr_t dimensions);
uint32_t weir_boxes_holding_plain(const int32_t *_Nonnull lines, const int32_t *_Nonnull point, intptr_t dimensions);

/// Which of a group of boxes hold a point: a bit for each.
/// - Parameters:
///   - lines: For each dimension a line: the least number of each of the boxes, then the greatest. At a multiple of 32 octets.
///   - point: A number for each dimension.
static inline __attribute__((always_inline)) uint32_t weir_boxes_holding(
    const int32_t *_Nonnull lines, const int32_t *_Nonnull point, intptr_t dimensions) {
#if defined(__x86_64__)
    if (weir_has_avx2) return weir_boxes_holding_avx2(lines, point, dimensions);
#endif
    return weir_boxes_holding_plain(lines, point, dimensions);
}

/// Asks for a cache line that is going to be read.
static inline __attribute__((always_inline)) void weir_prefetch(const void *_Nonnull place) { __builtin_prefetch(place); }
