#define _GNU_SOURCE
#include "CNetworkNamespace.h"

#include <errno.h>
#include <sched.h>

int enter_new_network_namespace(void) { return unshare(CLONE_NEWNET) == 0 ? 0 : errno; }
