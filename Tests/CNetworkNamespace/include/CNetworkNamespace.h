#ifndef C_NETWORK_NAMESPACE_H
#define C_NETWORK_NAMESPACE_H

/// Puts the calling thread into a network namespace of its own (unshare(2)): 0, or the error number. It ends with the thread
/// and whatever that started or opened in it.
int enter_new_network_namespace(void);

#endif
