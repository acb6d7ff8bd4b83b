/* What programs/connections.bpf.c reports: a block of chains of the kernel's connection table. */
#pragma once
#include <linux/types.h>
#include <stdint.h>

#define MOST_CONNECTIONS 8192
#define MOST_CLOSE_WAIT 2048
#define CHAINS_IN_STEP 16 /* IN_STEP: the number of chains requested is a multiple of it */

enum walk_result { WALKED, NO_ROOM, STRAYED };

struct connection {
    __be32 local[4], remote[4];
    uint32_t interface;
    uint32_t left; /* ticks */
    uint32_t identity;
    uint32_t netns;
    __be16 local_port, remote_port;
    uint8_t state, padding;
    uint16_t detail; /* position of its struct close_wait, from 1 */
};

struct close_wait {
    uint64_t cgroup, cookie;
    uint32_t inode, receive_queue, send_queue;
    uint32_t silent; /* ticks */
    uint8_t timer, retransmits, padding[6];
};

struct block {
    uint32_t chains; /* of the whole table */
    uint32_t connections, close_waits;
    uint32_t is_private; /* to one network namespace */
    struct connection connection[MOST_CONNECTIONS];
    struct close_wait close_wait[MOST_CLOSE_WAIT];
};
