/* The hot loop: the entries of one dump of TCP sockets, counted into pools. Knows nothing of Python.
 *
 * The same bytes give the same aggregates as readable_tally.py, which explains them. Strategy: an
 * entry is looked at once and nothing is kept per socket; pools and local addresses live in tables
 * of their own. Every length is checked before it is used.
 *
 * Source of the structures: linux/inet_diag.h (inet_diag_msg), net/tcp_states.h.
 */
#pragma once
#include "tally_state.h"

static int has(const uint8_t *bitmap, unsigned port) { return bitmap[port >> 3] >> (port & 7) & 1; }

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

static enum outcome no_memory(struct tally *t) { return FAIL(t, t->name, "out of memory"); }

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

/* Find or add an address; its number + 1, or 0 where there are too many (overflow counts it) or no memory. */
static uint32_t address_of(struct tally *t, struct ip ip, int *no_memory)
{
    uint32_t slot = (uint32_t)hash_address(ip, t->seed) & (2 * MAX_ADDRESSES - 1);
    for (; t->address_index[slot]; slot = (slot + 1) & (2 * MAX_ADDRESSES - 1))
        if (same_address(t->addresses[t->address_index[slot] - 1]->ip, ip)) return t->address_index[slot];
    if (t->address_count >= MAX_ADDRESSES) return 0;
    struct address *address = calloc(1, sizeof *address);
    if (!address) return *no_memory = 1, 0;
    address->ip = ip;
    t->addresses[t->address_count++] = address;
    return t->address_index[slot] = (uint16_t)t->address_count;
}

static void hold(struct tally *t, uint32_t number, unsigned port, int live)
{
    if (!number) { t->address_overflow++; return; }
    struct address *address = t->addresses[number - 1];
    address->held[port >> 3] |= (uint8_t)(1 << (port & 7));
    if (live) address->live[port >> 3] |= (uint8_t)(1 << (port & 7));
}

/* Count an entry; the pool, or NULL where there are too many or no memory. */
static struct pool *add_to_pool(struct tally *t, struct pools *pools, const struct key *key, int time_wait,
                                long long age_ms, int reclaimable, int entered, int *no_memory)
{
    struct pool *pool = pool_of(pools, key, t->seed, no_memory);
    if (!pool) return NULL;
    if (time_wait) {
        if (!add_age(t, pool, (unsigned)(age_ms / 1000))) return *no_memory = 1, NULL;
        pool->time_wait++;
        pool->entered += (uint32_t)entered;
        pool->reclaimable += (uint32_t)reclaimable;
    }
    pool->ports++;
    return pool;
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
    if (!m.id.idiag_sport) return MORE; /* closed after the dump had found it */
    struct key key;
    key.local = normalised(m.idiag_family, m.id.idiag_src);
    key.remote = normalised(m.idiag_family, m.id.idiag_dst);
    key.unused = 0;
    t->states[is_v4(key.local)][m.idiag_state]++;
    const uint8_t *sport = (const uint8_t *)&m.id.idiag_sport;
    unsigned port = (unsigned)sport[0] << 8 | sport[1];
    int time_wait = m.idiag_state == TIME_WAIT;
    t->held[port >> 3] |= (uint8_t)(1 << (port & 7));
    if (m.idiag_state == CLOSE_WAIT) t->close_wait[close_wait_cause(&m)]++;
    if (t->kept_states >> m.idiag_state & 1 && keep(t, payload, length) == FAILED) return FAILED;
    long long age_ms = m.idiag_expires > TIME_WAIT_MS ? 0 : TIME_WAIT_MS - (long long)m.idiag_expires;
    int entered = 0;
    if (time_wait && add_recent(t, m.id.idiag_cookie, age_ms, &entered) == FAILED) return FAILED;
    int failed = 0;
    int chosen = has(t->chosen, port);
    if (!chosen && has(t->served, port)) {
        key.port = m.id.idiag_sport;
        add_to_pool(t, &t->inbound, &key, time_wait, age_ms, 0, entered, &failed);
        return failed ? no_memory(t) : MORE;
    }
    if (!chosen && !has(t->usable, port)) return MORE;
    struct pool *pool = NULL;
    if (chosen) {
        key.port = m.id.idiag_dport;
        int reclaimable = time_wait && is_reclaimable(t, &key, m.id.idiag_if, age_ms);
        pool = add_to_pool(t, &t->outbound, &key, time_wait, age_ms, reclaimable, entered, &failed);
    }
    /* A pool knows its address, once it was looked for. */
    uint32_t number = pool ? pool->address : 0;
    if (!number && !failed) number = address_of(t, key.local, &failed);
    if (pool) pool->address = (uint16_t)number;
    hold(t, number, port, !time_wait);
    return failed ? no_memory(t) : MORE;
}

/* Most entries are at such ports, and one look at them is less than three. */
static void prepare_ports(struct tally *t)
{
    for (int i = 0; i < BITMAP_BYTES; i++) t->chosen[i] = t->usable[i] & (uint8_t)~(t->blocked[i] | t->served[i]);
}

static void add_ages(const struct tally *t, const struct pool *pool, uint32_t ages[AGES])
{
    if (t->ageless) return;
    if (pool->histogram) for (int i = 0; i < AGES; i++) ages[i] += t->ages[pool->histogram - 1][i];
    else for (uint32_t i = 0; i < pool->time_wait; i++) ages[pool->few[i]]++;
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
