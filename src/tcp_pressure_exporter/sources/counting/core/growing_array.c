#include "growing_array.h"

#include <stdlib.h>

#define FIRST_ROOM 64

void *grown(void *array, size_t element_bytes, uint32_t count, uint32_t *room)
{
    if (count < *room)
        return array;
    uint32_t wanted = *room ? *room * 2 : FIRST_ROOM;
    void *more = realloc(array, element_bytes * wanted);
    if (more)
        *room = wanted;
    return more;
}
