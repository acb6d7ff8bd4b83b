/* The connections of some network namespaces, taken from one walk over all of them. */
#pragma once
#include "../../counting/netlink/netlink_walk.h"
#include "walked_entry.h"

#define MAX_ELSEWHERE 262144 /* elsewhere.py: connections of all namespaces together */
#define BLOCKS_TOGETHER 64   /* elsewhere.py; each part becomes a Python object */
#define SLOTS 4096           /* half of them are used at most: twice MAX_LOOKS of namespaces.py */

/* Where a namespace's arrays begin to hold what was found in some chains at one time. */
struct part {
    uint32_t block; /* one number for BLOCKS_TOGETHER blocks of the table */
    long long now_ms;
    uint32_t connections, close_waits;
};

struct found_there {
    uint32_t netns; /* inode */
    struct connection *connections;
    struct close_wait *close_waits;
    struct part *parts;
    uint32_t connection_count, connection_room;
    uint32_t close_wait_count, close_wait_room;
    uint32_t part_count, part_room;
};

struct collection {
    struct found_there *namespaces;
    uint32_t count;
    uint16_t slots[SLOTS]; /* a hash table of inodes: places in namespaces, from 1 */
    uint32_t connections;  /* of all together */
};

/* Prepare to collect the connections of some namespaces, of the first SLOTS / 2 if there are more.
 * Return false if there is no memory. */
bool prepare_collection(struct collection *collection, const uint8_t *inodes, size_t bytes);

/* Keep what was found in these namespaces, in the dump's collection. */
enum outcome collect_found(struct dump *dump, const struct found *found);

/* Free what was collected, not the collection itself. */
void free_collection(struct collection *collection);
