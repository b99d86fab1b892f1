/*
 * The least that a forwarder on AF_PACKET can do, to hold Weir against: what comes in by one port goes out by the other, over
 * the same kind of rings and with the same offload state, in one thread. It parses nothing and judges nothing.
 *
 *     forwarder PORT PORT
 *
 * Frames longer than a slot, VLAN tags and ports that go down are not its business.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum { SLOTS = 480, SLOT_BYTES = 68 << 10, BLOCK_SLOTS = 60, BATCH = 64 };
#define BLOCK_BYTES (BLOCK_SLOTS * SLOT_BYTES)

struct port {
    int socket;
    char *ring;
    unsigned next;
};

static void fail(const char *what) {
    fprintf(stderr, "forwarder: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void set(int socket, int level, int option, const void *value, socklen_t size) {
    if (setsockopt(socket, level, option, value, size) != 0) fail("setsockopt");
}

static struct port attach(const char *name) {
    int version = TPACKET_V2, yes = 1, room = 16 << 20;
    struct tpacket_req request = {BLOCK_BYTES, SLOTS / BLOCK_SLOTS, SLOT_BYTES, SLOTS};
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(name)};
    struct packet_mreq promiscuous = {.mr_ifindex = address.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
    struct port port = {.socket = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0)};
    if (port.socket < 0 || address.sll_ifindex == 0) fail(name);
    set(port.socket, SOL_PACKET, PACKET_VERSION, &version, sizeof version);
    set(port.socket, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof yes);
    set(port.socket, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes);
    set(port.socket, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    set(port.socket, SOL_PACKET, PACKET_RX_RING, &request, sizeof request);
    port.ring = mmap(NULL, (size_t)BLOCK_BYTES * request.tp_block_nr, PROT_READ | PROT_WRITE, MAP_SHARED, port.socket, 0);
    if (port.ring == MAP_FAILED) fail("mmap");
    if (bind(port.socket, (struct sockaddr *)&address, sizeof address) != 0) fail("bind");
    set(port.socket, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous);
    return port;
}

/* Sends a batch of what has come on, straight from the slots; how many frames that were. */
static unsigned relay(struct port *from, const struct port *to) {
    static struct mmsghdr messages[BATCH];
    static struct iovec vectors[BATCH];
    struct tpacket2_hdr *slots[BATCH];
    unsigned count = 0, done = 0;
    while (count < BATCH) {
        struct tpacket2_hdr *slot = (struct tpacket2_hdr *)(from->ring + (size_t)from->next * SLOT_BYTES);
        if (!(__atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) break;
        vectors[count] = (struct iovec){
            (char *)slot + slot->tp_mac - sizeof(struct virtio_net_hdr), slot->tp_snaplen + sizeof(struct virtio_net_hdr)};
        messages[count].msg_hdr = (struct msghdr){.msg_iov = &vectors[count], .msg_iovlen = 1};
        slots[count++] = slot;
        from->next = (from->next + 1) % SLOTS;
    }
    while (done < count) {
        int sent = sendmmsg(to->socket, messages + done, count - done, MSG_DONTWAIT);
        /* A frame that can't be sent holds up none behind it. */
        done += sent > 0 ? (unsigned)sent : 1;
    }
    for (unsigned index = 0; index < count; index++) __atomic_store_n(&slots[index]->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    return count;
}

int main(int count, char **names) {
    if (count != 3) {
        fputs("usage: forwarder PORT PORT\n", stderr);
        return 64;
    }
    struct port near = attach(names[1]), far = attach(names[2]);
    fputs("forwarding between\n", stderr);
    for (;;) {
        struct pollfd ports[] = {{near.socket, POLLIN, 0}, {far.socket, POLLIN, 0}};
        if (relay(&near, &far) + relay(&far, &near) == 0) poll(ports, 2, -1);
    }
}
