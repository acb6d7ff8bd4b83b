/* A walk over the kernel's table of connections. Knows nothing of Python. */
#pragma once
#include "walked_entry.h"

/* Descriptors of the program and of the map that it fills. */
struct walker {
    int program, map;
};

/* Walk the whole table of the calling thread's network namespace and count what is in it: DONE or
 * FAILED. */
enum outcome walk_table(struct dump *dump, const struct walker *walker);
