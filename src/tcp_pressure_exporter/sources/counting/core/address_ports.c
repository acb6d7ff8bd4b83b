#include "address_ports.h"

#include <stdlib.h>

#define ADDRESS_SLOTS (2 * MAX_BOUND_ADDRESSES)
#define FIRST_SLOTS 64

/* Return the number of an address; 0 if there is no room for another. */
static uint16_t number_of(struct address_ports *ports, struct ip ip)
{
    uint32_t slot = (uint32_t)hash_address(ip, ports->seed) % ADDRESS_SLOTS;

    for (; ports->index[slot]; slot = (slot + 1) % ADDRESS_SLOTS)
        if (same_address(ports->addresses[ports->index[slot] - 1], ip))
            return ports->index[slot];
    if (ports->count >= MAX_BOUND_ADDRESSES)
        return 0;
    ports->addresses[ports->count++] = ip;
    return ports->index[slot] = ports->count;
}

/* Return the slot of a pair, or the free one where it belongs. */
static uint32_t *slot_of(const struct address_ports *ports, uint32_t pair)
{
    uint64_t hash = (pair ^ ports->seed) * 0x9e3779b97f4a7c15u;
    uint32_t slot = (uint32_t)(hash >> 32) & (ports->slots - 1);

    while (ports->pairs[slot] && ports->pairs[slot] != pair)
        slot = (slot + 1) & (ports->slots - 1);
    return &ports->pairs[slot];
}

static bool make_room(struct address_ports *ports)
{
    struct address_ports old = {.pairs = ports->pairs, .slots = ports->slots};

    if (2 * ports->taken < ports->slots || ports->taken >= MAX_ADDRESS_PORTS)
        return true;
    uint32_t slots = old.slots ? 2 * old.slots : FIRST_SLOTS;
    uint32_t *pairs = calloc(slots, sizeof *pairs);
    if (!pairs)
        return false;
    ports->pairs = pairs;
    ports->slots = slots;
    for (uint32_t i = 0; i < old.slots; i++)
        if (old.pairs[i])
            *slot_of(ports, old.pairs[i]) = old.pairs[i];
    free(old.pairs);
    return true;
}

bool take_address_port(struct address_ports *ports, struct ip ip, uint16_t port)
{
    uint32_t number = number_of(ports, ip);

    if (!make_room(ports))
        return false;
    uint32_t pair = number << 16 | port, *slot = slot_of(ports, pair);
    if (number && *slot == pair)
        return true;
    if (!number || ports->taken >= MAX_ADDRESS_PORTS) {
        add_port(ports->anywhere, port);
        ports->overflow++;
        return true;
    }
    *slot = pair;
    ports->taken++;
    return true;
}

static int by_value(const void *a, const void *b)
{
    uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;

    return (first > second) - (first < second);
}

void sort_address_ports(struct address_ports *ports)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < ports->slots; i++)
        if (ports->pairs[i])
            ports->pairs[count++] = ports->pairs[i];
    if (count)
        qsort(ports->pairs, count, sizeof *ports->pairs, by_value);
}

void free_address_ports(struct address_ports *ports)
{
    free(ports->pairs);
}
