/* The accept queues that are reported: the watched ones, and the fullest of all others.
 *
 * Strategy: a table of a fixed size. Its emptiest queue gives way to a fuller one, so at the end
 * the fullest are in it, in whatever order they came. */
#pragma once
#include "ip_address.h"

#define MAX_QUEUES 256 /* facts/bound.py */
#define QUEUE_SLOTS (4 * MAX_QUEUES)

/* What the kernel tells about a socket's owner: SocketId in facts/sockets.py. */
struct socket_owner {
    uint64_t cgroup_id;
    uint32_t inode;
    bool has_cgroup;
};

/* Where connections wait: QUEUE_KEY in compiled_bound.py. It has no padding. */
struct queue_key {
    struct ip ip;
    uint32_t scope; /* index of the device */
    uint16_t port;  /* in host order */
    uint16_t zero;
};

struct accept_queue {
    struct queue_key key;
    uint32_t used, limit;
    struct socket_owner owner;
    double ratio;
    uint64_t order; /* in which the first socket came, from 1 on; 0: none has come */
    bool watched;
    int16_t next; /* in the chain of its hash; NO_QUEUE ends it */
};

#define NO_QUEUE (-1)

struct accept_queues {
    uint64_t seed;
    struct accept_queue all[2 * MAX_QUEUES];
    int16_t chains[QUEUE_SLOTS];
    int16_t count, others; /* of these not watched */
    int16_t least;         /* of the others the emptiest; NO_QUEUE: to be looked for */
    uint64_t came;
};

/* Prepare to count; the first MAX_QUEUES of the watched keys are watched. */
void prepare_queues(struct accept_queues *queues, uint64_t seed, const uint8_t *watched,
                    size_t watched_bytes);

/* Add the queue of a socket, with key, used, limit and owner set. */
void add_queue(struct accept_queues *queues, struct accept_queue *queue);
