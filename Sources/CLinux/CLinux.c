#define _GNU_SOURCE
#include "CLinux.h"

#include <linux/capability.h>
#include <malloc.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int weir_sendmmsg(int fd, struct weir_mmsghdr *messages, unsigned int count, int flags) {
    return sendmmsg(fd, (struct mmsghdr *)messages, count, flags);
}

int weir_allowed_processors(int *processors, int capacity) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 0;
    int found = 0;
    for (int processor = 0; processor < CPU_SETSIZE && found < capacity; processor++) {
        if (CPU_ISSET(processor, &set)) processors[found++] = processor;
    }
    return found;
}

void weir_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

int weir_pin_thread(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    return sched_setaffinity(0, sizeof set, &set);
}

int weir_favour_thread(int nice) { return setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), nice); }

int weir_enter_network_namespace(int fd) { return setns(fd, CLONE_NEWNET); }

int weir_ethtool(int fd, const char *interface, void *command) {
    struct ifreq request = {0};
    strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
    request.ifr_data = command;
    return ioctl(fd, SIOCETHTOOL, &request);
}

void weir_trim_memory(void) { malloc_trim(0); }

uint64_t weir_effective_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {0};
    if (syscall(SYS_capget, &header, data) != 0) return 0;
    return (uint64_t)data[1].effective << 32 | data[0].effective;
}

int weir_bpf(int command, void *attributes, unsigned int size) { return (int)syscall(SYS_bpf, command, attributes, size); }

int weir_signal_descriptor(const int *signals) {
    sigset_t set;
    sigemptyset(&set);
    for (; *signals != 0; signals++) sigaddset(&set, *signals);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int weir_peer_credentials(int fd, int *process, unsigned int *user, unsigned int *group) {
    struct ucred peer = {0};
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -1;
    *process = peer.pid;
    *user = peer.uid;
    *group = peer.gid;
    return 0;
}

int weir_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }
