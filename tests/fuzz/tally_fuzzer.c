/* Feeds the compiled parser with whatever libFuzzer makes of recorded dumps.
 *
 * Input: one byte of rules (bit 5: a dump of conntrack), one byte that says where the rest is cut
 * into two datagrams. The sequence number is the one of the first message, so that most messages
 * belong to the dump.
 */
#include "../../src/tcp_pressure_exporter/sources/counting/conntrack_entry.h"

static const uint8_t ALL[BITMAP_BYTES] = {[0 ... BITMAP_BYTES - 1] = 0xff};
static const uint8_t NONE[BITMAP_BYTES];
static const uint8_t SOME[BITMAP_BYTES] = {[0 ... BITMAP_BYTES / 2] = 0x55};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    uint8_t rules = data[0], cut = data[1];
    data += 2, size -= 2;
    struct tally *t = calloc(1, sizeof *t);
    if (!t) return 0;
    t->usable = ALL;
    t->blocked = rules & 1 ? SOME : NONE;
    t->served = rules & 2 ? SOME : NONE;
    t->everywhere = t->evicts = rules >> 2 & 1, t->on_loopback = rules >> 3 & 1;
    t->delay_ms = 1000, t->since_ms = -5000, t->since_end_ms = -100;
    t->known = data, t->known_bytes = size / 8 * 8;
    t->kept_states = rules & 16 ? UINT32_MAX : 0;
    t->seed = rules;
    t->name = "dump";
    t->ageless = rules >> 5 & 1;
    t->message_type = t->ageless ? CT_NEW : TCPDIAG_GETSOCK;
    t->add = t->ageless ? add_conntrack : add_entry;
    prepare_ports(t);
    if (size >= sizeof(struct nlmsghdr)) memcpy(&t->sequence, data + 8, sizeof t->sequence);
    size_t first = size * cut / 255;
    if (add_datagram(t, data, first) == MORE) add_datagram(t, data + first, size - first);
    watch(&t->outbound, data, size, t->seed), watch(&t->inbound, data, size, t->seed);
    uint32_t ages[AGES] = {0};
    for (uint32_t i = 0; i < t->outbound.count; i++) add_ages(t, &t->outbound.all[i], ages);
    choose_rows(&t->outbound, &(struct row_rules){.min_used = cut, .max_rows = 2});
    choose_rows(&t->inbound, &(struct row_rules){.min_used = rules});
    release(t);
    return 0;
}
