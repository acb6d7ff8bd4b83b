/* Which entries in TIME_WAIT a walk saw, by block of chains, and which the walk before saw:
 * identities.py explains it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_IDENTITIES 262144 /* facts/tally.py */

/* Packed: for each block its number, how many there are, and these. */
struct identities {
    /* of the walk before */
    const uint8_t *known;
    size_t known_bytes, at; /* where the first block begins that is not behind the one below */
    uint32_t *slots; /* those of this block, once one is asked for: a hash table, 0 is free */
    uint32_t slot_count, slot_room;
    bool has_zero, has_slots;
    /* of this one */
    uint32_t block;
    bool has_block;
    uint32_t *packed;
    uint32_t words, room, head; /* head: where the block's number stands */
    uint32_t count;
};

/* Go on to a block; their numbers rise. Return false where there is no memory. */
bool begin_identities(struct identities *identities, uint32_t block);

/* Note an entry of the block, where there is room; a half of that is for young ones. Return false
 * where there is no memory. */
bool add_identity(struct identities *identities, uint32_t identity, bool young);

/* Tell whether the walk before saw an entry. Return false where there is no memory. */
bool find_identity(struct identities *identities, uint32_t identity, bool *known);

void free_identities(struct identities *identities);
