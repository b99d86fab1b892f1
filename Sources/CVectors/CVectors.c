#include "CVectors.h"

int weir_has_avx2;

#if defined(__x86_64__)
#include <immintrin.h>

// With AVX2, which nearly all machines have, half the instructions: packages are built for those that don't have it too.
__attribute__((target("avx2"))) uint32_t weir_boxes_holding_avx2(const int32_t *lines, const int32_t *point, intptr_t dimensions) {
    __m256i outside = _mm256_setzero_si256();
    for (intptr_t dimension = 0; dimension < dimensions; dimension++) {
        const __m256i *parts = (const __m256i *)(lines + WEIR_LINE * dimension);
        const __m256i all = _mm256_set1_epi32(point[dimension]);
        outside = _mm256_or_si256(outside, _mm256_cmpgt_epi32(parts[0], all));
        outside = _mm256_or_si256(outside, _mm256_cmpgt_epi32(all, parts[1]));
    }
    return ~(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(outside)) & 0xff;
}

uint32_t weir_boxes_holding_plain(const int32_t *lines, const int32_t *point, intptr_t dimensions) {
    __m128i low = _mm_setzero_si128(), high = _mm_setzero_si128();
    for (intptr_t dimension = 0; dimension < dimensions; dimension++) {
        const __m128i *parts = (const __m128i *)(lines + WEIR_LINE * dimension);
        const __m128i all = _mm_set1_epi32(point[dimension]);
        low = _mm_or_si128(low, _mm_or_si128(_mm_cmpgt_epi32(parts[0], all), _mm_cmpgt_epi32(all, parts[2])));
        high = _mm_or_si128(high, _mm_or_si128(_mm_cmpgt_epi32(parts[1], all), _mm_cmpgt_epi32(all, parts[3])));
    }
    return ~(uint32_t)_mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(low, high), _mm_setzero_si128())) & 0xff;
}

__attribute__((constructor)) static void look_for_avx2(void) {
    __builtin_cpu_init();
    weir_has_avx2 = __builtin_cpu_supports("avx2") != 0;
}
#else
uint32_t weir_boxes_holding_plain(const int32_t *lines, const int32_t *point, intptr_t dimensions) {
    uint32_t inside = 0;
    for (int box = 0; box < WEIR_GROUP; box++) {
        uint32_t holds = 1;
        for (intptr_t dimension = 0; dimension < dimensions; dimension++) {
            const int32_t *line = lines + WEIR_LINE * dimension;
            holds &= line[box] <= point[dimension] && point[dimension] <= line[WEIR_GROUP + box];
        }
        inside |= holds << box;
    }
    return inside;
}
#endif
