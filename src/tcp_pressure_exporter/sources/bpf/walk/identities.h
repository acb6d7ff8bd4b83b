/* Which entries in TIME_WAIT a walk saw, by block of chains, and which the previous walk saw:
 * identities.py explains it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_IDENTITIES 262144 /* facts/tally.py */

/* Packed: for each block its number, the number of its identities, and the identities. */
struct identities {
    /* of the previous walk */
    const uint8_t *known;
    size_t known_bytes, at; /* at: the first known block whose number is not below `block` */
    uint32_t *slots; /* this block's identities, after the first lookup: a hash table, 0 is free */
    uint32_t slot_count, slot_room;
    bool has_zero, has_slots;
    /* of this walk */
    uint32_t block;
    bool has_block;
    uint32_t *packed;
    uint32_t words, room, head; /* head: the position of the block's number */
    uint32_t count;
};

/* Move on to a block; block numbers rise. Return false if there is no memory. */
bool begin_identities(struct identities *identities, uint32_t block);

/* Note an entry of the block if there is room. Half of the room is reserved for young entries.
 * Return false if there is no memory. */
bool add_identity(struct identities *identities, uint32_t identity, bool young);

/* Tell whether the previous walk saw an entry. Return false if there is no memory. */
bool find_identity(struct identities *identities, uint32_t identity, bool *known);

void free_identities(struct identities *identities);
