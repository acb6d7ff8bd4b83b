/* The hot loop: one dump of TCP sockets, counted into pools. Knows nothing of Python.
 *
 * The same bytes give the same aggregates as readable_tally.py, which explains them. Strategy: a
 * datagram is walked once and nothing is kept per socket; pools live in a dense array found through
 * an open-addressing index, local addresses in another. Every length is checked before it is used.
 *
 * Source of the structures: linux/netlink.h (nlmsghdr, nlmsgerr), linux/inet_diag.h
 * (inet_diag_msg), net/tcp_states.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>

#define LOOPBACK_IFINDEX 1 /* include/net/net_namespace.h */
#define TIME_WAIT 6        /* TCP_TIME_WAIT */
#define LAST_STATE 11      /* TCP_CLOSING: the last that an entry may have here */
#define TIME_WAIT_MS 60000 /* TCP_TIMEWAIT_LEN */
#define DATAGRAM_BYTES 32768
#define BITMAP_BYTES 8192
#define AGES 61            /* whole seconds in TIME_WAIT, 0..60 */
#define FEW 8              /* ages kept in the pool itself before it gets a histogram */
#define MAX_POOLS 131072
#define MAX_ADDRESSES 1024
#define MAX_KEPT 4096
#define MAX_RECENT 65536
#define AGE_ERROR_MS 100
#define END_SLOT UINT32_MAX

static const uint8_t V4_MAPPED[12] = {[10] = 0xff, [11] = 0xff};
static const uint8_t V6_LOOPBACK[16] = {[15] = 1};

struct key { uint8_t local[16], remote[16], port[2]; };

struct pool {
    struct key key;
    uint16_t watched; /* has a row of its own however little it is used */
    uint32_t ports, time_wait, reclaimable, entered;
    uint32_t histogram; /* index + 1 into ages; 0 while there are at most FEW */
    uint8_t few[FEW];
};

struct pools { struct pool *all; uint32_t *index, count, room, mask; uint64_t overflow; };

struct address { uint8_t bytes[16], held[BITMAP_BYTES], live[BITMAP_BYTES]; };

struct tally {
    /* the rules */
    const uint8_t *usable, *blocked, *served, *watched_outbound, *watched_inbound;
    size_t watched_bytes[2];
    int everywhere, on_loopback;
    long long delay_ms, since_ms, since_end_ms; /* since: started_ms and ended_ms of the dump before */
    const uint8_t *known; /* its cookies, sorted, 8 bytes each */
    size_t known_bytes;
    long long started_ms;
    unsigned sequence, kept_states;
    uint64_t seed;
    long long now_ms; /* CLOCK_MONOTONIC_COARSE when the kernel filled the datagram */
    /* the result */
    uint64_t states[2][LAST_STATE + 1]; /* [IPv4 on the wire][state] */
    struct pools outbound, inbound;
    uint8_t held[BITMAP_BYTES];
    struct address *addresses[MAX_ADDRESSES], *last;
    uint16_t address_index[2 * MAX_ADDRESSES]; /* number + 1; 0 is free */
    uint32_t address_count;
    uint64_t address_overflow;
    uint32_t (*ages)[AGES], ages_count, ages_room;
    uint8_t *kept;
    size_t kept_bytes, kept_room;
    uint32_t kept_count;
    uint64_t kept_overflow;
    uint64_t *recent; /* the cookies of this dump's edge */
    uint32_t recent_count, recent_room;
    /* what went wrong: a reason, or an errno of the kernel's answer, or of a system call */
    const char *operation;
    char reason[96];
    int answered_errno, kernel_errno, call_errno;
};

enum outcome { MORE, DONE, FAILED };

#define FAIL(t, what, ...) \
    ((t)->operation = (what), snprintf((t)->reason, sizeof (t)->reason, __VA_ARGS__), FAILED)

static int has(const uint8_t *bitmap, unsigned port) { return bitmap[port >> 3] >> (port & 7) & 1; }

/* Return the array with room for one element more, or NULL; the old one stays valid then. */
static void *grown(void *array, size_t size, uint32_t count, uint32_t *room)
{
    if (count < *room) return array;
    uint32_t wanted = *room ? *room * 2 : 64;
    void *more = realloc(array, size * wanted);
    if (more) *room = wanted;
    return more;
}

static uint64_t hash(const void *bytes, size_t length, uint64_t seed)
{
    const uint8_t *at = bytes;
    uint64_t h = seed, word;
    for (; length >= 8; at += 8, length -= 8) {
        memcpy(&word, at, 8);
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 32;
    }
    word = 0;
    memcpy(&word, at, length);
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static int grow_index(struct pools *pools, uint64_t seed)
{
    uint32_t slots = pools->index ? (pools->mask + 1) * 2 : 1024;
    uint32_t *index = malloc(slots * sizeof *index);
    if (!index) return 0;
    memset(index, 0xff, slots * sizeof *index); /* END_SLOT */
    for (uint32_t i = 0; i < pools->count; i++) {
        uint32_t slot = (uint32_t)hash(&pools->all[i].key, sizeof(struct key), seed) & (slots - 1);
        while (index[slot] != END_SLOT) slot = (slot + 1) & (slots - 1);
        index[slot] = i;
    }
    free(pools->index);
    pools->index = index;
    pools->mask = slots - 1;
    return 1;
}

/* Find or add; NULL where the pools are full (then overflow counts it) or memory is. */
static struct pool *pool_of(struct pools *pools, const struct key *key, uint64_t seed, int *no_memory)
{
    if ((uint64_t)pools->count * 2 >= (pools->index ? pools->mask + 1u : 0u) && !grow_index(pools, seed))
        return *no_memory = 1, NULL;
    uint32_t slot = (uint32_t)hash(key, sizeof *key, seed) & pools->mask;
    for (; pools->index[slot] != END_SLOT; slot = (slot + 1) & pools->mask) {
        struct pool *pool = &pools->all[pools->index[slot]];
        if (!memcmp(&pool->key, key, sizeof *key)) return pool;
    }
    if (pools->count >= MAX_POOLS) return pools->overflow++, NULL;
    void *all = grown(pools->all, sizeof *pools->all, pools->count, &pools->room);
    if (!all) return *no_memory = 1, NULL;
    pools->all = all;
    pools->index[slot] = pools->count;
    struct pool *pool = &pools->all[pools->count++];
    memset(pool, 0, sizeof *pool);
    pool->key = *key;
    return pool;
}

static int add_age(struct tally *t, struct pool *pool, unsigned age)
{
    if (pool->time_wait < FEW) return pool->few[pool->time_wait] = (uint8_t)age, 1;
    if (!pool->histogram) {
        void *ages = grown(t->ages, sizeof *t->ages, t->ages_count, &t->ages_room);
        if (!ages) return 0;
        t->ages = ages;
        memset(t->ages[t->ages_count], 0, sizeof *t->ages);
        pool->histogram = ++t->ages_count;
        for (int i = 0; i < FEW; i++) t->ages[pool->histogram - 1][pool->few[i]]++;
    }
    t->ages[pool->histogram - 1][age]++;
    return 1;
}

static enum outcome no_memory(struct tally *t) { return FAIL(t, "sock_diag dump", "out of memory"); }

static int is_known(const struct tally *t, uint64_t cookie)
{
    size_t low = 0, high = t->known_bytes / sizeof cookie;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t other;
        memcpy(&other, t->known + middle * sizeof other, sizeof other);
        if (other == cookie) return 1;
        if (other < cookie) low = middle + 1;
        else high = middle;
    }
    return 0;
}

/* Note a TIME_WAIT entry that the next dump may doubt; tell in *entered whether it is new to this one. */
static enum outcome add_recent(struct tally *t, const uint32_t halves[2], long long age_ms, int *entered)
{
    if (age_ms >= TIME_WAIT_MS) return MORE; /* at least that old: it ends in a batch with others */
    long long born_ms = t->now_ms - age_ms;
    uint64_t cookie;
    memcpy(&cookie, halves, sizeof cookie);
    if (born_ms >= t->started_ms - 2 * AGE_ERROR_MS && t->recent_count < MAX_RECENT) {
        void *recent = grown(t->recent, sizeof *t->recent, t->recent_count, &t->recent_room);
        if (!recent) return no_memory(t);
        t->recent = recent;
        t->recent[t->recent_count++] = cookie;
    }
    *entered = born_ms >= t->since_ms - AGE_ERROR_MS &&
               (born_ms > t->since_end_ms + AGE_ERROR_MS || !is_known(t, cookie));
    return MORE;
}

static enum outcome add_to_pool(struct tally *t, struct pools *pools, const struct key *key,
                                int time_wait, long long age_ms, int reclaimable, int entered)
{
    int failed = 0;
    struct pool *pool = pool_of(pools, key, t->seed, &failed);
    if (!pool) return failed ? no_memory(t) : MORE;
    if (time_wait) {
        if (!add_age(t, pool, (unsigned)(age_ms / 1000))) return no_memory(t);
        pool->time_wait++;
        pool->entered += (uint32_t)entered;
        pool->reclaimable += (uint32_t)reclaimable;
    }
    pool->ports++;
    return MORE;
}

/* Give the pools of `keys` (of 34 bytes each) a row of their own; those that do not exist have none. */
static void watch(struct pools *pools, const uint8_t *keys, size_t bytes, uint64_t seed)
{
    for (; pools->count && bytes >= sizeof(struct key); keys += sizeof(struct key), bytes -= sizeof(struct key)) {
        uint32_t slot = (uint32_t)hash(keys, sizeof(struct key), seed) & pools->mask;
        for (; pools->index[slot] != END_SLOT; slot = (slot + 1) & pools->mask) {
            struct pool *pool = &pools->all[pools->index[slot]];
            if (!memcmp(&pool->key, keys, sizeof(struct key))) pool->watched = 1;
        }
    }
}

/* Find or add; NULL where there are too many addresses (overflow counts it) or no memory. */
static struct address *address_of(struct tally *t, const uint8_t *bytes, int *no_memory)
{
    if (t->last && !memcmp(t->last->bytes, bytes, 16)) return t->last;
    uint32_t slot = (uint32_t)hash(bytes, 16, t->seed) & (2 * MAX_ADDRESSES - 1);
    for (; t->address_index[slot]; slot = (slot + 1) & (2 * MAX_ADDRESSES - 1)) {
        struct address *address = t->addresses[t->address_index[slot] - 1];
        if (!memcmp(address->bytes, bytes, 16)) return t->last = address;
    }
    if (t->address_count >= MAX_ADDRESSES) return t->address_overflow++, NULL;
    struct address *address = calloc(1, sizeof *address);
    if (!address) return *no_memory = 1, NULL;
    memcpy(address->bytes, bytes, 16);
    t->addresses[t->address_count++] = address;
    t->address_index[slot] = (uint16_t)t->address_count;
    return t->last = address;
}

static enum outcome hold(struct tally *t, const uint8_t *local, unsigned port, int live)
{
    int failed = 0;
    struct address *address = address_of(t, local, &failed);
    if (!address) return failed ? no_memory(t) : MORE;
    address->held[port >> 3] |= (uint8_t)(1 << (port & 7));
    if (live) address->live[port >> 3] |= (uint8_t)(1 << (port & 7));
    return MORE;
}

static enum outcome keep(struct tally *t, const uint8_t *entry, uint32_t length)
{
    if (t->kept_count >= MAX_KEPT) return t->kept_overflow++, MORE;
    if (t->kept_bytes + sizeof length + length > t->kept_room) {
        size_t room = (t->kept_bytes + sizeof length + length) * 2;
        uint8_t *kept = realloc(t->kept, room);
        if (!kept) return no_memory(t);
        t->kept = kept, t->kept_room = room;
    }
    memcpy(t->kept + t->kept_bytes, &length, sizeof length);
    memcpy(t->kept + t->kept_bytes + sizeof length, entry, length);
    t->kept_bytes += sizeof length + length;
    t->kept_count++;
    return MORE;
}

static void normalise(uint8_t *to, int family, const __be32 *from)
{
    if (family == AF_INET) memcpy(to, V4_MAPPED, 12), memcpy(to + 12, from, 4);
    else memcpy(to, from, 16);
}

static int is_loopback(const uint8_t *a)
{
    return (!memcmp(a, V4_MAPPED, 12) && a[12] == 127) || !memcmp(a, V6_LOOPBACK, 16);
}

/* Whether a connect() would take this TIME_WAIT entry over: tcp_twsk_unique. */
static int is_reclaimable(const struct tally *t, const struct key *key, unsigned interface, long long age_ms)
{
    if (age_ms <= t->delay_ms) return 0;
    return t->everywhere || (t->on_loopback && (interface == LOOPBACK_IFINDEX ||
                                                is_loopback(key->local) || is_loopback(key->remote)));
}

static enum outcome add_entry(struct tally *t, const uint8_t *payload, uint32_t length)
{
    struct inet_diag_msg m;
    if (length < sizeof m) return FAIL(t, "inet_diag message", "%u bytes, not %zu", length, sizeof m);
    memcpy(&m, payload, sizeof m);
    if (m.idiag_state < 1 || m.idiag_state > LAST_STATE)
        return FAIL(t, "inet_diag message", "state %u is unknown", m.idiag_state);
    struct key key;
    normalise(key.local, m.idiag_family, m.id.idiag_src);
    normalise(key.remote, m.idiag_family, m.id.idiag_dst);
    t->states[!memcmp(key.local, V4_MAPPED, 12)][m.idiag_state]++;
    const uint8_t *sport = (const uint8_t *)&m.id.idiag_sport;
    unsigned port = (unsigned)sport[0] << 8 | sport[1];
    int time_wait = m.idiag_state == TIME_WAIT;
    t->held[port >> 3] |= (uint8_t)(1 << (port & 7));
    if (t->kept_states >> m.idiag_state & 1 && keep(t, payload, length) == FAILED) return FAILED;
    long long age_ms = m.idiag_expires > TIME_WAIT_MS ? 0 : TIME_WAIT_MS - (long long)m.idiag_expires;
    int entered = 0;
    if (time_wait && add_recent(t, m.id.idiag_cookie, age_ms, &entered) == FAILED) return FAILED;
    if (has(t->served, port)) {
        memcpy(key.port, &m.id.idiag_sport, 2);
        return add_to_pool(t, &t->inbound, &key, time_wait, age_ms, 0, entered);
    }
    if (!has(t->usable, port)) return MORE;
    if (hold(t, key.local, port, !time_wait) == FAILED) return FAILED;
    if (has(t->blocked, port)) return MORE;
    memcpy(key.port, &m.id.idiag_dport, 2);
    int reclaimable = time_wait && is_reclaimable(t, &key, m.id.idiag_if, age_ms);
    return add_to_pool(t, &t->outbound, &key, time_wait, age_ms, reclaimable, entered);
}

static enum outcome end_dump(struct tally *t, unsigned type, const uint8_t *payload, uint32_t length)
{
    int32_t code;
    if (type == NLMSG_OVERRUN) return FAIL(t, "netlink dump", "NLMSG_OVERRUN: data lost");
    if (type == NLMSG_DONE && length == 0) return DONE;
    if (length < sizeof code)
        return FAIL(t, "netlink dump", "an ending of %u bytes carries no code", length);
    memcpy(&code, payload, sizeof code);
    if (code >= 0 && type == NLMSG_DONE) return DONE;
    t->answered_errno = 1, t->kernel_errno = code;
    return FAIL(t, "netlink dump", "error");
}

static enum outcome add_datagram(struct tally *t, const uint8_t *at, size_t left)
{
    while (left) {
        struct nlmsghdr h;
        if (left < sizeof h) return FAIL(t, "netlink message", "%zu bytes left, a header has 16", left);
        memcpy(&h, at, sizeof h);
        if (h.nlmsg_len < sizeof h || h.nlmsg_len > left)
            return FAIL(t, "netlink message", "length %u with %zu bytes left", h.nlmsg_len, left);
        const uint8_t *payload = at + sizeof h;
        uint32_t length = h.nlmsg_len - (uint32_t)sizeof h;
        if (h.nlmsg_seq == t->sequence && h.nlmsg_type != NLMSG_NOOP) {
            if (h.nlmsg_flags & NLM_F_DUMP_INTR)
                return FAIL(t, "netlink dump", "interrupted: the table changed meanwhile");
            if (h.nlmsg_type == TCPDIAG_GETSOCK) {
                if (add_entry(t, payload, length) == FAILED) return FAILED;
            } else if (h.nlmsg_type <= NLMSG_OVERRUN && h.nlmsg_type >= NLMSG_ERROR)
                return end_dump(t, h.nlmsg_type, payload, length);
        }
        size_t step = NLMSG_ALIGN(h.nlmsg_len);
        if (step >= left) break;
        at += step, left -= step;
    }
    return MORE;
}

/* ---- from the socket ------------------------------------------------------------------------ */

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static long long coarse_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Receive datagrams until the dump ends; seconds to wait for one, and for all until `end`. EINTR
 * goes to the caller, who may have a signal to look after. */
static enum outcome drain(struct tally *t, int fd, uint8_t *buffer, const double *seconds, double end)
{
    enum outcome outcome = MORE;
    while (outcome == MORE) {
        long long next_filled_ms = coarse_ms();
        struct sockaddr_nl from = {0};
        socklen_t from_length = sizeof from;
        ssize_t size = recvfrom(fd, buffer, DATAGRAM_BYTES, MSG_TRUNC | MSG_DONTWAIT,
                                (struct sockaddr *)&from, &from_length);
        if (size > DATAGRAM_BYTES)
            return FAIL(t, "sock_diag dump", "a datagram of %zd bytes was cut", size);
        if (size >= 0) {
            if (from.nl_pid == 0) outcome = add_datagram(t, buffer, (size_t)size);
            t->now_ms = next_filled_ms; /* netlink_recvmsg has filled the next one meanwhile */
        } else if (errno == EAGAIN) {
            struct pollfd wait = {.fd = fd, .events = POLLIN};
            int ready = poll(&wait, 1, (int)(seconds[0] * 1000));
            if (ready == 0) return FAIL(t, "sock_diag dump", "timed out");
            if (ready < 0) return t->call_errno = errno, FAILED;
        } else
            return t->call_errno = errno, FAILED;
        if (outcome == MORE && seconds_now() > end)
            return FAIL(t, "sock_diag dump", "not finished after %.0f s", seconds[1]);
    }
    return outcome;
}

/* ---- what is left to say when the dump has ended ------------------------------------------- */

static void add_ages(const struct tally *t, const struct pool *pool, uint32_t ages[AGES])
{
    if (pool->histogram) for (int i = 0; i < AGES; i++) ages[i] += t->ages[pool->histogram - 1][i];
    else for (uint32_t i = 0; i < pool->time_wait; i++) ages[pool->few[i]]++;
}

static uint32_t used_of(const struct pool *pool) { return pool->ports - pool->reclaimable; }

/* The use above which a pool gets a row: as many rows as allowed, and none of several equals. */
static long long row_threshold(const struct pools *pools, uint32_t max_rows)
{
    if (pools->count <= max_rows) return -1;
    uint32_t *with_use = calloc(65537, sizeof *with_use), rows = 0;
    if (!with_use) return -1;
    for (uint32_t i = 0; i < pools->count; i++) {
        uint32_t used = used_of(&pools->all[i]);
        with_use[used > 65536 ? 65536 : used]++;
    }
    long long use = 65536;
    for (; use >= 0 && rows + with_use[use] <= max_rows; use--) rows += with_use[use];
    free(with_use);
    return use;
}

static int compare_cookies(const void *left, const void *right)
{
    uint64_t a, b;
    memcpy(&a, left, sizeof a), memcpy(&b, right, sizeof b);
    return (a > b) - (a < b);
}

static void release(struct tally *t)
{
    for (uint32_t i = 0; i < t->address_count; i++) free(t->addresses[i]);
    free(t->outbound.all), free(t->outbound.index), free(t->inbound.all), free(t->inbound.index);
    free(t->ages), free(t->kept), free(t->recent), free(t);
}

