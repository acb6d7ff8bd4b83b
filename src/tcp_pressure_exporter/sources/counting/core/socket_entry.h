/* One TCP socket that is not listening, as a decoder passes it on to be counted: Entry in
 * counter.py. */
#pragma once
#include "close_wait.h"
#include "ip_address.h"

struct socket_entry {
    struct ends ends;
    uint16_t local_port, remote_port; /* in network order */
    uint8_t state;                    /* TCP_ESTABLISHED to TCP_CLOSING: netinet/tcp.h */
    uint32_t interface;               /* index of the one that it is bound to, 0 for none */
    uint8_t cause;                    /* enum cause; only in CLOSE_WAIT */
    /* Only in TIME_WAIT: whether it was not yet there in the previous tally, and how long it has
     * been there, up to the length of TIME_WAIT. */
    bool entered;
    uint32_t age_ms;
    uint32_t hash; /* hash_pool() of its ends, interface and remote port, by the tally's seed */
};
