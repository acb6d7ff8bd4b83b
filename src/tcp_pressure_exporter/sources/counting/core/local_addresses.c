#include "local_addresses.h"

#include <stdlib.h>

void limit_addresses(struct local_addresses *addresses, const uint8_t usable[BITMAP_BYTES])
{
    uint32_t begin = 0, end = BITMAP_BYTES;

    while (end > 0 && !usable[end - 1])
        end--;
    while (begin < end && !usable[begin])
        begin++;
    begin -= begin % RANGE_STEP;
    end += -end % RANGE_STEP;
    addresses->begin = (uint16_t)begin;
    addresses->length = (uint16_t)(end - begin);
}

bool find_or_add_address(struct local_addresses *addresses, struct ip ip, uint32_t scope,
                         uint16_t *number)
{
    uint32_t slot = (uint32_t)hash_address(ip, addresses->seed ^ scope) % ADDRESS_SLOTS;

    for (; addresses->index[slot]; slot = (slot + 1) % ADDRESS_SLOTS) {
        *number = addresses->index[slot];
        const struct local_address *known = addresses->all[*number - 1];
        if (same_address(known->ip, ip) && known->scope == scope)
            return true;
    }
    *number = 0;
    if (addresses->count >= MAX_ADDRESSES)
        return true;
    struct local_address *address =
        calloc(1, sizeof *address + addresses->length * sizeof *address->ports);
    if (!address)
        return false;
    address->ip = ip;
    address->scope = scope;
    addresses->all[addresses->count++] = address;
    *number = addresses->index[slot] = addresses->count;
    return true;
}

void free_addresses(struct local_addresses *addresses)
{
    for (uint16_t i = 0; i < addresses->count; i++)
        free(addresses->all[i]);
}
