#include "walking.h"

#include <errno.h>
#include <sys/mman.h>
#include <time.h>

#include "../syscalls.h"

/* Walking this many takes a fraction of a millisecond, and what they hold stays in the cache. */
#define BLOCK_CHAINS 1024
#define MOST_ATTEMPTS 64

static const char OPERATION[] = "BPF walk";

/* How far a walk has come. */
struct place {
    const struct walker *walker;
    const struct block *block;
    uint32_t first, step;
    long long now_ms;
};

static long long coarse_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Run the program over some chains; false with errno set. */
static bool run(struct place *place, uint32_t chains, uint32_t *result)
{
    uint64_t arguments[] = {place->first, chains, place->walker->everywhere};
    union bpf_attr attributes = {
        .test.prog_fd = (uint32_t)place->walker->program,
        .test.ctx_in = (uint64_t)(uintptr_t)arguments,
        .test.ctx_size_in = sizeof arguments,
    };

    place->now_ms = coarse_ms();
    if (call_bpf(BPF_PROG_TEST_RUN, &attributes) < 0)
        return false;
    *result = attributes.test.retval;
    return true;
}

static enum outcome fail_call(struct dump *dump)
{
    dump->failure.call_errno = errno;
    return FAILED;
}

static enum outcome take_here(struct dump *dump, const struct place *place)
{
    const struct block *block = place->block;
    const struct found found = {
        .block = place->first / BLOCK_CHAINS,
        .now_ms = place->now_ms,
        .connections = block->connection,
        .close_waits = block->close_wait,
        .connection_count = block->connections,
        .close_wait_count = block->close_waits,
    };

    if (found.connection_count > MOST_CONNECTIONS || found.close_wait_count > MOST_CLOSE_WAIT)
        return fail(&dump->failure, OPERATION, "%u connections, %u in CLOSE_WAIT",
                    found.connection_count, found.close_wait_count);
    return place->walker->take(dump, &found);
}

/* Take the next chains: as many as there is room for. If they changed, walk them again. */
static enum outcome walk_on(struct dump *dump, struct place *place)
{
    uint32_t result = STRAYED;

    for (int attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        if (!run(place, place->step, &result))
            return fail_call(dump);
        if (result == WALKED)
            return take_here(dump, place);
        if (result == NO_ROOM && place->step > CHAINS_IN_STEP)
            place->step /= 2;
        else if (result == NO_ROOM)
            break;
    }
    return fail(&dump->failure, OPERATION, result == NO_ROOM
                ? "%u chains have more connections than fit" : "%u chains change all the time",
                place->step);
}

static enum outcome walk_blocks(struct dump *dump, struct place *place)
{
    uint32_t result;

    if (!run(place, 0, &result)) /* reports the size of the table */
        return fail_call(dump);
    uint32_t chains = place->block->chains;
    place->step = chains < BLOCK_CHAINS ? chains : BLOCK_CHAINS;
    if (place->step < CHAINS_IN_STEP || chains % place->step)
        return fail(&dump->failure, OPERATION, "a table of %u chains", chains);
    for (; place->first < chains; place->first += place->step)
        if (walk_on(dump, place) != MORE)
            return FAILED;
    dump->filled_ms = place->now_ms;
    return DONE;
}

enum outcome walk_table(struct dump *dump, const struct walker *walker)
{
    void *block = mmap(NULL, sizeof(struct block), PROT_READ, MAP_SHARED, walker->map, 0);
    struct place place = {.walker = walker, .block = block};

    if (block == MAP_FAILED)
        return fail_call(dump);
    enum outcome outcome = walk_blocks(dump, &place);
    munmap(block, sizeof(struct block));
    return outcome;
}
