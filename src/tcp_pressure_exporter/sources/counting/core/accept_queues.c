#include "accept_queues.h"

#include <string.h>

static int16_t *chain_of(struct accept_queues *queues, const struct queue_key *key)
{
    uint64_t rest = (uint64_t)key->scope << 16 | key->port;

    return &queues->chains[hash_address(key->ip, queues->seed ^ rest) % QUEUE_SLOTS];
}

static struct accept_queue *find(struct accept_queues *queues, const struct queue_key *key)
{
    int16_t at = *chain_of(queues, key);

    while (at != NO_QUEUE && memcmp(&queues->all[at].key, key, sizeof *key) != 0)
        at = queues->all[at].next;
    return at == NO_QUEUE ? NULL : &queues->all[at];
}

/* Put a queue at a place of the table that is free. */
static struct accept_queue *put(struct accept_queues *queues, int16_t at,
                                const struct accept_queue *queue)
{
    int16_t *chain = chain_of(queues, &queue->key);

    queues->all[at] = *queue;
    queues->all[at].next = *chain;
    *chain = at;
    return &queues->all[at];
}

/* Take a queue out of the table; return its place. */
static int16_t take_out(struct accept_queues *queues, int16_t at)
{
    int16_t *link = chain_of(queues, &queues->all[at].key);

    while (*link != at)
        link = &queues->all[*link].next;
    *link = queues->all[at].next;
    return at;
}

void prepare_queues(struct accept_queues *queues, uint64_t seed, const uint8_t *watched,
                    size_t watched_bytes)
{
    struct accept_queue queue = {.watched = true};

    queues->seed = seed;
    queues->least = NO_QUEUE;
    for (int i = 0; i < QUEUE_SLOTS; i++)
        queues->chains[i] = NO_QUEUE;
    for (; watched_bytes >= sizeof queue.key && queues->count < MAX_QUEUES;
         watched_bytes -= sizeof queue.key, watched += sizeof queue.key) {
        memcpy(&queue.key, watched, sizeof queue.key);
        queue.key.zero = 0;
        if (!find(queues, &queue.key))
            put(queues, queues->count++, &queue);
    }
}

/* Find the emptiest queue that is not watched; of equals the last. */
static int16_t find_least(const struct accept_queues *queues)
{
    int16_t least = NO_QUEUE;

    for (int16_t i = 0; i < queues->count; i++) {
        const struct accept_queue *queue = &queues->all[i];
        if (queue->watched)
            continue;
        const struct accept_queue *best = least == NO_QUEUE ? NULL : &queues->all[least];
        if (!best || queue->ratio < best->ratio ||
            (queue->ratio == best->ratio && queue->order > best->order))
            least = i;
    }
    return least;
}

static void take_in(struct accept_queues *queues, struct accept_queue *queue)
{
    int16_t place = queues->count;

    if (queues->others >= MAX_QUEUES) {
        if (queues->least == NO_QUEUE)
            queues->least = find_least(queues);
        if (queue->ratio <= queues->all[queues->least].ratio)
            return;
        place = take_out(queues, queues->least);
    } else {
        queues->count++;
        queues->others++;
    }
    queues->least = NO_QUEUE;
    queue->order = ++queues->came;
    put(queues, place, queue);
}

static bool is_fuller(const struct accept_queue *a, const struct accept_queue *b)
{
    return a->ratio > b->ratio || (a->ratio == b->ratio && a->limit > b->limit);
}

void add_queue(struct accept_queues *queues, struct accept_queue *queue)
{
    queue->key.zero = 0;
    queue->ratio = (double)queue->used / (queue->limit ? queue->limit : 1);
    struct accept_queue *known = find(queues, &queue->key);
    if (!known) {
        take_in(queues, queue);
        return;
    }
    if (known->order && !is_fuller(queue, known))
        return;
    if (!known->order)
        known->order = ++queues->came;
    known->used = queue->used;
    known->limit = queue->limit;
    known->owner = queue->owner;
    known->ratio = queue->ratio;
    queues->least = NO_QUEUE; /* it may have been this one */
}
