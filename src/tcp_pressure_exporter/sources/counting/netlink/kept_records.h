/* The records of sockets that are kept whole, as the kernel sent them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_KEPT 4096 /* facts/tally.py */

struct kept_records {
    uint32_t states; /* of the sockets whose records are kept, by bit */
    uint8_t *bytes;  /* each record after its length in 4 bytes */
    size_t length, room;
    uint32_t count;
    uint64_t overflow; /* records beyond MAX_KEPT */
};

/* Tell whether records of this state are kept.
 *
 * Inline: every entry comes here, and a call would make counting 2 % slower. */
static inline bool keeps(const struct kept_records *kept, uint8_t state)
{
    return kept->states >> state & 1;
}

/* Keep a record. Return false if out of memory. */
bool keep_record(struct kept_records *kept, const uint8_t *record, uint32_t bytes);

void free_records(struct kept_records *kept);
