// What Swift can't take from the kernel's headers by itself: the headers, ring status words with their memory order,
// and calls whose declarations need _GNU_SOURCE (which must not be defined in a header that Swift imports).
#ifndef WEIR_CLINUX_H
#define WEIR_CLINUX_H

#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/tc_act/tc_gact.h>
#include <linux/virtio_net.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

// Newer than Debian 12's linux/if_packet.h (include/uapi/linux/if_packet.h).
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif
#ifndef PACKET_FANOUT_FLAG_IGNORE_OUTGOING
#define PACKET_FANOUT_FLAG_IGNORE_OUTGOING 0x4000
#endif

// A TPACKET_V2 slot's status word is handed over with release and taken with acquire order
// (Documentation/networking/packet_mmap.rst).
static inline uint32_t weir_load_acquire_u32(const void *_Nonnull word) {
    return __atomic_load_n((const uint32_t *)word, __ATOMIC_ACQUIRE);
}

static inline void weir_store_release_u32(void *_Nonnull word, uint32_t value) {
    __atomic_store_n((uint32_t *)word, value, __ATOMIC_RELEASE);
}

// struct mmsghdr, as the kernel lays it out.
struct weir_mmsghdr {
    struct msghdr msg_hdr;
    unsigned int msg_len;
};

/// sendmmsg(2): messages sent, or -1 and errno.
int weir_sendmmsg(int fd, struct weir_mmsghdr *_Nonnull messages, unsigned int count, int flags);

/// The processors that this process may run on, lowest first; returns how many of them were written.
int weir_allowed_processors(int *_Nonnull processors, int capacity);

/// Names the calling thread for top(1) and gdb, at most 15 characters.
void weir_name_thread(const char *_Nonnull name);

/// Binds the calling thread to one processor: 0, or -1 and errno.
int weir_pin_thread(int processor);

/// Gives only the calling thread this nice value: 0, or -1 and errno.
int weir_favour_thread(int nice);

/// Has only the calling thread see the network namespace that the descriptor stands for: 0, or -1 and errno.
int weir_enter_network_namespace(int fd);

/// SIOCETHTOOL on the interface, with the command's structure (include/uapi/linux/ethtool.h): 0, or -1 and errno.
int weir_ethtool(int fd, const char *_Nonnull interface, void *_Nonnull command);

/// accept4(2) of a socket that doesn't wait and is closed on exec: the connection, or -1 and errno.
int weir_accept(int listener);

/// SO_PEERCRED (unix(7)): 0, or -1 and errno.
int weir_peer_credentials(int fd, int *_Nonnull process, unsigned int *_Nonnull user, unsigned int *_Nonnull group);

/// malloc_trim(3): gives free memory of all arenas back to the system.
void weir_trim_memory(void);

/// capget(2)'s effective set of this process, one bit a capability.
uint64_t weir_effective_capabilities(void);

// What bpf(2) takes and gives, as the kernel lays it out (include/uapi/linux/bpf.h). That header itself can't be had here: libpcap
// has another struct bpf_insn, and Debian 12's doesn't know TCX. An older kernel takes members that it doesn't know if they are zero.
struct weir_bpf_instruction {
    uint8_t code;
    // Two of four bits: the destination is the lower one on little-endian machines, the upper one on others.
    uint8_t registers;
    int16_t off;
    int32_t imm;
};

struct weir_bpf_map_information {
    uint32_t type, id, key_size, value_size, max_entries, map_flags;
    char name[16];
};

// Its beginning, which every kernel with TCX fills.
struct weir_bpf_program_information {
    uint32_t type, id;
    uint8_t tag[8];
    uint32_t jited_prog_len, xlated_prog_len;
    uint64_t jited_prog_insns, xlated_prog_insns, load_time;
    uint32_t created_by_uid, nr_map_ids;
    uint64_t map_ids;
    char name[16];
};

struct weir_bpf_map_create {
    uint32_t map_type, key_size, value_size, max_entries, map_flags, inner_map_fd, numa_node;
    char map_name[16];
};

struct weir_bpf_element {
    uint32_t map_fd, padding;
    uint64_t key, value, flags;
};

struct weir_bpf_program_load {
    uint32_t prog_type, insn_cnt;
    uint64_t insns, license;
    uint32_t log_level, log_size;
    uint64_t log_buf;
    uint32_t kern_version, prog_flags;
    char prog_name[16];
    uint32_t prog_ifindex, expected_attach_type;
};

struct weir_bpf_attach {
    uint32_t target_ifindex, attach_bpf_fd, attach_type, attach_flags, replace_bpf_fd, relative_fd;
    uint64_t expected_revision;
};

struct weir_bpf_query {
    uint32_t target_ifindex, attach_type, query_flags, attach_flags;
    uint64_t prog_ids;
    uint32_t count, padding;
    uint64_t prog_attach_flags, link_ids, link_attach_flags, revision;
};

struct weir_bpf_id {
    uint32_t id, next_id, open_flags, padding;
};

struct weir_bpf_info {
    uint32_t bpf_fd, info_len;
    uint64_t info;
};

/// bpf(2) with one of the structures above: what it answers, or -1 and errno.
int weir_bpf(int command, void *_Nonnull attributes, unsigned int size);

/// Signals of the list (0 ends it) blocked in this thread and the threads it starts, and delivered through the
/// descriptor that is returned (signalfd(2), close-on-exec, non-blocking); -1 and errno.
int weir_signal_descriptor(const int *_Nonnull signals);

#endif
