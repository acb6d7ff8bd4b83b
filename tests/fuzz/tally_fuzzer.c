/* Feeds the compiled parser whatever libFuzzer makes of recorded dumps.
 *
 * Input: one byte of rules (bit 5: a dump of conntrack), one byte that says where the rest is cut
 * into two datagrams. The sequence number is the first message's, so that most messages belong to
 * the dump.
 */
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <stdlib.h>

#include "core/nat_tally.h"
#include "netlink/conntrack_entry.h"
#include "netlink/inet_diag_entry.h"

enum rules {
    BLOCKED = 1, SERVED = 2, REUSE = 4, ON_LOOPBACK = 8, KEPT = 16, CONNTRACK = 32, FOREIGN = 64,
    SECONDS = 128, UNTRANSLATED = 64
};

static const uint8_t ALL[BITMAP_BYTES] = {[0 ... BITMAP_BYTES - 1] = 0xff};
static const uint8_t NONE[BITMAP_BYTES];
static const uint8_t SOME[BITMAP_BYTES] = {[0 ... BITMAP_BYTES / 2] = 0x55};

struct input {
    uint8_t rules, cut;
    const uint8_t *data;
    size_t size;
};

/* Count a datagram in its own memory, whose end the sanitizer watches. */
static enum outcome walk_copy(struct dump *dump, const uint8_t *data, size_t size)
{
    uint8_t *datagram = malloc(size);
    if (!datagram)
        return FAILED;
    memcpy(datagram, data, size);
    enum outcome outcome = walk_datagram(dump, datagram, size);
    free(datagram);
    return outcome;
}

static void walk_both(struct dump *dump, const struct input *input)
{
    size_t first = input->size * input->cut / 255;

    if (input->size >= sizeof(struct nlmsghdr))
        memcpy(&dump->sequence, input->data + offsetof(struct nlmsghdr, nlmsg_seq),
               sizeof dump->sequence);
    if (walk_copy(dump, input->data, first) == MORE)
        walk_copy(dump, input->data + first, input->size - first);
}

static void set_rules(struct inet_diag_tally *tally, const struct input *input)
{
    struct socket_tally *sockets = &tally->sockets;

    sockets->usable = ALL;
    sockets->blocked = input->rules & BLOCKED ? SOME : NONE;
    sockets->served = input->rules & SERVED ? SOME : NONE;
    sockets->reuse = (struct reuse){input->rules & REUSE, input->rules & ON_LOOPBACK, 1000,
                                     input->rules & SECONDS};
    sockets->lengths = (struct time_wait_lengths){input->cut * 250, input->cut * 2000};
    sockets->outbound.rows = (struct row_rules){input->cut, 2, 2, input->data, input->size, input->data, input->size};
    sockets->inbound.rows = (struct row_rules){input->rules, 0, input->cut, input->data, input->size};
    sockets->privileged.rows = sockets->explicit.rows = sockets->inbound.rows;
    if (input->rules & FOREIGN)
        sockets->own = sockets->sources = (struct network_list){input->data, input->size};
    tally->recent.since_ms = -5000;
    tally->recent.known = input->data;
    tally->recent.known_bytes = input->size;
    tally->kept.states = input->rules & KEPT ? UINT32_MAX : 0;
    prepare_socket_tally(sockets, input->rules);
}

static void count_sockets(const struct input *input)
{
    struct pool_sum others;
    struct inet_diag_tally *tally = calloc(1, sizeof *tally);
    struct dump dump = {
        .name = "dump",
        .message_type = TCPDIAG_GETSOCK,
        .count = count_inet_diag_entry,
        .tally = tally,
    };

    if (!tally)
        return;
    set_rules(tally, input);
    walk_both(&dump, input);
    if (finish_inet_diag_tally(tally)) {
        sum_others(&tally->sockets.outbound, &others);
        sum_others(&tally->sockets.inbound, &others);
    }
    free_inet_diag_tally(tally);
    free(tally);
}

static void count_nat(const struct input *input)
{
    struct pool_sum others;
    struct nat_tally tally = {
        .evicts = input->rules & REUSE,
        .translated = !(input->rules & UNTRANSLATED),
    };
    struct dump dump = {
        .name = "dump",
        .message_type = CT_NEW,
        .count = count_conntrack_entry,
        .tally = &tally,
    };

    tally.pools.rows = (struct row_rules){input->cut, 2, 2, input->data, input->size, input->data, input->size};
    if (prepare_nat_tally(&tally, input->rules))
        walk_both(&dump, input);
    if (finish_nat_tally(&tally))
        sum_others(&tally.pools, &others);
    free_nat_tally(&tally);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct input input = {.rules = data[0], .cut = data[1], .data = data + 2, .size = size - 2};
    if (input.rules & CONNTRACK)
        count_nat(&input);
    else
        count_sockets(&input);
    return 0;
}
