#include "identities.h"

#include <stdlib.h>
#include <string.h>

#include "../../counting/core/growing_array.h"

#define HEAD_WORDS 2

struct segment {
    uint32_t block, count;
    const uint8_t *members;
};

/* Read what the previous walk noted about the block at an offset; false if there is none. */
static bool segment_at(const struct identities *identities, size_t at, struct segment *segment)
{
    size_t left = identities->known_bytes - at;
    uint32_t head[HEAD_WORDS];

    if (left < sizeof head)
        return false;
    memcpy(head, identities->known + at, sizeof head);
    segment->block = head[0];
    segment->count = head[1];
    segment->members = identities->known + at + sizeof head;
    return segment->count <= (left - sizeof head) / sizeof(uint32_t);
}

static size_t bytes_of(const struct segment *segment)
{
    return (HEAD_WORDS + (size_t)segment->count) * sizeof(uint32_t);
}

static bool append(struct identities *identities, uint32_t word)
{
    void *packed = grown(identities->packed, sizeof word, identities->words, &identities->room);

    if (!packed)
        return false;
    identities->packed = packed;
    identities->packed[identities->words++] = word;
    return true;
}

bool begin_identities(struct identities *identities, uint32_t block)
{
    struct segment segment;

    if (identities->has_block && identities->block == block)
        return true;
    while (segment_at(identities, identities->at, &segment) && segment.block < block)
        identities->at += bytes_of(&segment);
    identities->block = block;
    identities->has_block = true;
    identities->has_slots = false;
    identities->head = identities->words;
    return append(identities, block) && append(identities, 0);
}

bool add_identity(struct identities *identities, uint32_t identity, bool young)
{
    if (identities->count >= (young ? MAX_IDENTITIES : MAX_IDENTITIES / 2))
        return true;
    if (!append(identities, identity))
        return false;
    identities->count++;
    identities->packed[identities->head + 1]++;
    return true;
}

/* Return the slot of an identity, or the free one where it belongs. The kernel chooses identities,
 * and its own secret spreads them. */
static uint32_t *slot_of(const struct identities *identities, uint32_t identity)
{
    uint32_t last = identities->slot_count - 1, place = (identity * 0x9e3779b1u) >> 7 & last;

    while (identities->slots[place] && identities->slots[place] != identity)
        place = (place + 1) & last;
    return &identities->slots[place];
}

/* Provide at least twice as many slots as there are identities, all free. */
static bool clear_slots(struct identities *identities, uint32_t count)
{
    uint32_t wanted = 64;

    while (wanted < 2 * (uint64_t)count)
        wanted *= 2;
    if (wanted > identities->slot_room) {
        uint32_t *slots = realloc(identities->slots, wanted * sizeof *slots);
        if (!slots)
            return false;
        identities->slots = slots;
        identities->slot_room = wanted;
    }
    identities->slot_count = wanted;
    memset(identities->slots, 0, wanted * sizeof *identities->slots);
    identities->has_zero = false;
    return true;
}

static bool fill_slots(struct identities *identities)
{
    struct segment segment = {0};
    uint32_t identity;

    if (!segment_at(identities, identities->at, &segment) || segment.block != identities->block)
        segment.count = 0;
    if (!clear_slots(identities, segment.count))
        return false;
    for (uint32_t i = 0; i < segment.count; i++) {
        memcpy(&identity, segment.members + i * sizeof identity, sizeof identity);
        if (identity)
            *slot_of(identities, identity) = identity;
        else
            identities->has_zero = true;
    }
    identities->has_slots = true;
    return true;
}

bool find_identity(struct identities *identities, uint32_t identity, bool *known)
{
    if (!identities->has_slots && !fill_slots(identities))
        return false;
    *known = identity ? *slot_of(identities, identity) == identity : identities->has_zero;
    return true;
}

void free_identities(struct identities *identities)
{
    free(identities->packed);
    free(identities->slots);
    *identities = (struct identities){0};
}
