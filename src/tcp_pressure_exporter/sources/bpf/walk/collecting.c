#include "collecting.h"

#include <stdlib.h>
#include <string.h>

#include "../../counting/core/growing_array.h"

static const char OPERATION[] = "BPF walk";

/* Return the slot of a namespace, or the free one where it belongs. The kernel numbers namespaces
 * one after another, so neighbours seldom share a slot. */
static uint32_t slot_of(const struct collection *collection, uint32_t netns)
{
    uint32_t slot = netns % SLOTS;

    while (collection->slots[slot] &&
           collection->namespaces[collection->slots[slot] - 1].netns != netns)
        slot = (slot + 1) % SLOTS;
    return slot;
}

bool prepare_collection(struct collection *collection, const uint8_t *inodes, size_t bytes)
{
    uint32_t wanted = (uint32_t)(bytes / sizeof(uint32_t)), netns;

    if (wanted > SLOTS / 2)
        wanted = SLOTS / 2;
    collection->namespaces = calloc(wanted + 1, sizeof *collection->namespaces);
    if (!collection->namespaces)
        return false;
    for (; collection->count < wanted; collection->count++) {
        memcpy(&netns, inodes + collection->count * sizeof netns, sizeof netns);
        collection->namespaces[collection->count].netns = netns;
        collection->slots[slot_of(collection, netns)] = (uint16_t)(collection->count + 1);
    }
    return true;
}

/* Return a namespace, or NULL if it is not wanted. */
static struct found_there *find(const struct collection *collection, uint32_t netns)
{
    uint16_t place = collection->slots[slot_of(collection, netns)];

    return place ? &collection->namespaces[place - 1] : NULL;
}

/* Tell whether what was found belongs to a part. A detail's position has 16 bits, which limits a
 * part's details. */
static bool is_of(const struct part *part, const struct found_there *there,
                  const struct found *found)
{
    uint32_t details = there->close_wait_count - part->close_waits;

    return part->block == found->block / BLOCKS_TOGETHER && part->now_ms == found->now_ms &&
           details + found->close_wait_count <= UINT16_MAX;
}

/* Make sure that the last part is for these chains. */
static bool begin_part(struct found_there *there, const struct found *found)
{
    if (there->part_count && is_of(&there->parts[there->part_count - 1], there, found))
        return true;
    void *parts = grown(there->parts, sizeof *there->parts, there->part_count, &there->part_room);
    if (!parts)
        return false;
    there->parts = parts;
    there->parts[there->part_count++] = (struct part){
        .block = found->block / BLOCKS_TOGETHER,
        .now_ms = found->now_ms,
        .connections = there->connection_count,
        .close_waits = there->close_wait_count,
    };
    return true;
}

/* Keep the details of a connection in CLOSE_WAIT; *place is their position in the part, from 1. */
static bool keep_close_wait(struct found_there *there, const struct close_wait *from,
                            uint16_t *place)
{
    void *all = grown(there->close_waits, sizeof *from, there->close_wait_count,
                      &there->close_wait_room);

    if (!all)
        return false;
    there->close_waits = all;
    there->close_waits[there->close_wait_count++] = *from;
    *place = (uint16_t)(there->close_wait_count - there->parts[there->part_count - 1].close_waits);
    return true;
}

static bool keep_connection(struct found_there *there, const struct connection *from,
                            const struct found *found)
{
    void *all = grown(there->connections, sizeof *from, there->connection_count,
                      &there->connection_room);

    if (!all)
        return false;
    there->connections = all;
    struct connection *to = &there->connections[there->connection_count++];
    *to = *from;
    to->detail = 0;
    if (!from->detail || from->detail > found->close_wait_count)
        return true;
    return keep_close_wait(there, &found->close_waits[from->detail - 1], &to->detail);
}

enum outcome collect_found(struct dump *dump, const struct found *found)
{
    struct collection *collection = dump->tally;

    for (uint32_t i = 0; i < found->connection_count; i++) {
        const struct connection *from = &found->connections[i];
        struct found_there *there = find(collection, from->netns);
        if (!there)
            continue;
        if (collection->connections++ >= MAX_ELSEWHERE)
            return fail(&dump->failure, OPERATION, "more than %d connections elsewhere",
                        MAX_ELSEWHERE);
        if (!begin_part(there, found) || !keep_connection(there, from, found))
            return fail_out_of_memory(dump);
    }
    return MORE;
}

void free_collection(struct collection *collection)
{
    for (uint32_t i = 0; collection->namespaces && i < collection->count; i++) {
        free(collection->namespaces[i].connections);
        free(collection->namespaces[i].close_waits);
        free(collection->namespaces[i].parts);
    }
    free(collection->namespaces);
}
