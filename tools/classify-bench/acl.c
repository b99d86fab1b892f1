/* The same packets through DPDK's librte_acl, for comparison: one at a time, as a firewall asks that judges each frame, and in bursts of
 * 32, which is how the library is fastest.
 *
 * usage: acl FILTER-SET RULES HEADERS; the headers are what ClassifyBench has written. One JSON object on standard output.
 */
#include <inttypes.h>
#include <rte_acl.h>
#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* protocol, source, destination, source port, destination port, in network byte order */
enum { HEADER = 13, STRIDE = 16, BURST = 32, FIELDS = 5 };

RTE_ACL_RULE_DEF(acl_rule, FIELDS);

static const struct rte_acl_field_def fields[FIELDS] = {
    {RTE_ACL_FIELD_TYPE_BITMASK, 1, 0, 0, 0}, {RTE_ACL_FIELD_TYPE_MASK, 4, 1, 1, 1}, {RTE_ACL_FIELD_TYPE_MASK, 4, 2, 2, 5},
    {RTE_ACL_FIELD_TYPE_RANGE, 2, 3, 3, 9},   {RTE_ACL_FIELD_TYPE_RANGE, 2, 4, 3, 11},
};

static uint64_t nanoseconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static int ascending(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static int read_rule(const char *line, struct acl_rule *rule)
{
    unsigned s[5], d[5], sp[2], dp[2], protocol, mask;
    if (sscanf(line, "@%u.%u.%u.%u/%u %u.%u.%u.%u/%u %u : %u %u : %u %x/%x", s, s + 1, s + 2, s + 3, s + 4, d, d + 1, d + 2, d + 3, d + 4,
               sp, sp + 1, dp, dp + 1, &protocol, &mask) != 16)
        return -1;
    memset(rule, 0, sizeof *rule);
    rule->field[0].value.u8 = (uint8_t)protocol;
    rule->field[0].mask_range.u8 = (uint8_t)mask;
    rule->field[1].value.u32 = s[0] << 24 | s[1] << 16 | s[2] << 8 | s[3];
    rule->field[1].mask_range.u32 = s[4];
    rule->field[2].value.u32 = d[0] << 24 | d[1] << 16 | d[2] << 8 | d[3];
    rule->field[2].mask_range.u32 = d[4];
    rule->field[3].value.u16 = (uint16_t)sp[0];
    rule->field[3].mask_range.u16 = (uint16_t)sp[1];
    rule->field[4].value.u16 = (uint16_t)dp[0];
    rule->field[4].mask_range.u16 = (uint16_t)dp[1];
    return 0;
}

int main(int count, char **arguments)
{
    char *options[] = {arguments[0], "--no-huge", "-m", "2048", "--no-pci", "--no-shconf", "--log-level", "3", "--no-telemetry", NULL};
    if (count != 4 || rte_eal_init(9, options) < 0) {
        fprintf(stderr, "usage: acl FILTER-SET RULES HEADERS\n");
        return 1;
    }
    long wanted = atol(arguments[2]);
    FILE *file = fopen(arguments[1], "r"), *packets = fopen(arguments[3], "rb");
    if (!file || !packets || wanted <= 0) return perror("acl"), 1;
    struct acl_rule *rules = calloc(200000, sizeof *rules);
    long number = 0;
    for (char line[256]; number < 20000 && fgets(line, sizeof line, file);) number += read_rule(line, &rules[number]) == 0;
    /* As ClassifyBench takes them. */
    if (wanted > number + number / 4) {
        long copies = wanted / number;
        for (long copy = 1; copy < copies; copy++)
            for (long rule = 0; rule < number; rule++) {
                struct acl_rule *made = &rules[copy * number + rule];
                *made = rules[rule];
                uint32_t turned = (uint32_t)copy * 0x9e3779b9u;
                for (int field = 1; field < 3; field++) {
                    uint32_t length = made->field[field].mask_range.u32;
                    made->field[field].value.u32 = length ? (made->field[field].value.u32 ^ turned) & ~(uint32_t)0 << (32 - length) : 0;
                }
            }
        number *= copies;
    } else if (wanted < number - number / 4) {
        for (long rule = 0; rule < wanted; rule++) rules[rule] = rules[rule * number / wanted];
        number = wanted;
    }
    for (long rule = 0; rule < number; rule++)
        rules[rule].data = (struct rte_acl_rule_data){.category_mask = 1, .priority = (int32_t)(number - rule), .userdata = (uint32_t)rule + 1};

    uint8_t *headers = calloc(1 << 15, STRIDE);
    size_t total = 0;
    while (total < 1 << 15 && fread(headers + total * STRIDE, HEADER, 1, packets) == 1) total++;

    struct rte_acl_param parameters = {
        .name = "bench", .socket_id = -1, .rule_size = RTE_ACL_RULE_SZ(FIELDS), .max_rule_num = (uint32_t)number};
    struct rte_acl_ctx *context = rte_acl_create(&parameters);
    struct rte_acl_config configuration = {.num_categories = 1, .num_fields = FIELDS};
    memcpy(configuration.defs, fields, sizeof fields);
    uint64_t start = nanoseconds();
    int status = context ? rte_acl_add_rules(context, (struct rte_acl_rule *)rules, (uint32_t)number) : -1;
    if (!status) status = rte_acl_build(context, &configuration);
    uint64_t built = nanoseconds();
    if (status) {
        printf("{\"rules\": %ld, \"error\": %d}\n", number, status);
        return 0;
    }

    const uint8_t *data[1 << 15];
    uint32_t results[1 << 15];
    for (size_t packet = 0; packet < total; packet++) data[packet] = headers + packet * STRIDE;
    double single = 1e18, burst = 1e18;
    for (int pass = 0; pass < 10; pass++) {
        uint64_t begin = nanoseconds();
        for (size_t packet = 0; packet < total; packet++) rte_acl_classify(context, &data[packet], &results[packet], 1, 1);
        double each = (double)(nanoseconds() - begin) / (double)total;
        if (each < single) single = each;
        begin = nanoseconds();
        for (size_t packet = 0; packet + BURST <= total; packet += BURST)
            rte_acl_classify(context, &data[packet], &results[packet], BURST, 1);
        each = (double)(nanoseconds() - begin) / (double)total;
        if (each < burst) burst = each;
    }
    uint64_t clock = UINT64_MAX, *times = malloc(total * sizeof *times);
    for (int turn = 0; turn < 10000; turn++) {
        uint64_t begin = nanoseconds(), took = nanoseconds() - begin;
        if (took < clock) clock = took;
    }
    for (int pass = 0; pass < 5; pass++)
        for (size_t packet = 0; packet < total; packet++) {
            uint64_t begin = nanoseconds();
            rte_acl_classify(context, &data[packet], &results[packet], 1, 1);
            uint64_t took = nanoseconds() - begin;
            if (!pass || took < times[packet]) times[packet] = took;
        }
    qsort(times, total, sizeof *times, ascending);
    printf("{\"rules\": %ld, \"mean\": %.1f, \"burst\": %.1f, \"p999\": %" PRIu64 ", \"compileSeconds\": %.3f}\n", number, single, burst,
           times[total * 999 / 1000] - clock, (double)(built - start) / 1e9);
    return 0;
}
