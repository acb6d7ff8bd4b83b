/* Arrays that double when they are full. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Return the array with room for another element; NULL if out of memory, and then the old one stays
 * valid. */
void *grown(void *array, size_t element_bytes, uint32_t count, uint32_t *room);
