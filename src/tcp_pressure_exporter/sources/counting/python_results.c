#include "python_results.h"

#include <errno.h>

#include "core/pool_groups.h"

static Py_ssize_t ages_bytes(const struct pool_table *table)
{
    return (Py_ssize_t)(table->histograms.seconds * sizeof(uint32_t));
}

/* Return a pool as (fields of PoolKey, fields of PoolCount). */
static PyObject *row_of(const struct pool_table *table, const struct pool *pool)
{
    const struct ends *ends = &pool->ends;
    uint32_t ages[MAX_AGES] = {0};

    sum_ages(table, pool, ages);
    return Py_BuildValue("(y#y#y#Is)(IIIIy#I)", (const char *)&ends->local,
                         (Py_ssize_t)sizeof ends->local, (const char *)&ends->remote,
                         (Py_ssize_t)sizeof ends->remote, (const char *)&pool->port,
                         (Py_ssize_t)sizeof pool->port, pool->scope, "", pool->ports,
                         pool->time_wait, pool->reclaimable, pool->entered, (const char *)ages,
                         ages_bytes(table), table->inbound ? (unsigned)pool->outside : 0u);
}

static int append_row(PyObject *rows, const struct pool_table *table, const struct pool *pool)
{
    PyObject *row = row_of(table, pool);
    int status = row ? PyList_Append(rows, row) : -1;

    Py_XDECREF(row);
    return status;
}

static PyObject *rows_of(const struct pool_table *table)
{
    PyObject *rows = PyList_New(0);

    for (uint32_t i = 0; rows && i < table->count; i++) {
        const struct pool *pool = &table->pools[i];
        if (has_row(table, pool) && append_row(rows, table, pool) < 0)
            Py_CLEAR(rows);
    }
    return rows;
}

static PyObject *sum_result(const struct pool_table *table, const struct pool_sum *sum)
{
    return Py_BuildValue("(KKKKKKy#)", sum->pools, sum->most_used, sum->ports, sum->time_wait,
                         sum->reclaimable, sum->entered, (const char *)sum->ages,
                         ages_bytes(table));
}

static PyObject *others_result(const struct pool_table *table)
{
    struct pool_sum others;

    sum_others(table, &others);
    return sum_result(table, &others);
}

static PyObject *group_result(const struct pool_table *table, const struct pool *key,
                              const struct pool_sum *sum)
{
    PyObject *added = sum_result(table, sum);

    if (!added)
        return NULL;
    return Py_BuildValue("(y#Iy#IN)", (const char *)&key->ends.local,
                         (Py_ssize_t)sizeof key->ends.local, group_of(key),
                         (const char *)&key->port, (Py_ssize_t)sizeof key->port, key->scope, added);
}

static PyObject *list_of_groups(const struct pool_table *table, const struct pool_groups *groups)
{
    PyObject *list = PyList_New(groups->keys.count);

    for (uint32_t i = 0; list && i < groups->keys.count; i++) {
        PyObject *group = group_result(table, &groups->keys.pools[i], &groups->sums[i]);
        if (!group || PyList_SetItem(list, i, group) < 0)
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *groups_result(const struct pool_table *table)
{
    struct pool_groups groups = {0};
    PyObject *list = sum_groups(table, &groups) ? list_of_groups(table, &groups)
                                                : PyErr_NoMemory();

    free_groups(&groups);
    return list;
}

PyObject *pools_result(const struct pool_table *table)
{
    PyObject *rows = rows_of(table);
    PyObject *others = rows ? others_result(table) : NULL;
    PyObject *groups = others ? groups_result(table) : NULL;
    PyObject *all = groups ? Py_BuildValue("(OOKO)", rows, others,
                                           (unsigned long long)table->overflow, groups)
                           : NULL;

    Py_XDECREF(rows);
    Py_XDECREF(others);
    Py_XDECREF(groups);
    return all;
}

PyObject *nat_result(const struct nat_tally *tally)
{
    PyObject *pools = pools_result(&tally->pools);
    PyObject *clients = pools ? rows_of(&tally->clients) : NULL;
    PyObject *both = clients ? Py_BuildValue("(OO)", pools, clients) : NULL;

    Py_XDECREF(pools);
    Py_XDECREF(clients);
    return both;
}

static bool no_port_in(const uint8_t word[8])
{
    uint64_t ports;

    memcpy(&ports, word, sizeof ports);
    return ports == 0;
}

PyObject *bitmap_result(const uint8_t bitmap[BITMAP_BYTES])
{
    Py_ssize_t length = BITMAP_BYTES;

    while (length > 0 && no_port_in(bitmap + length - 8))
        length -= 8;
    return PyBytes_FromStringAndSize((const char *)bitmap, length);
}

#define STEP (8 / (Py_ssize_t)sizeof(struct eight_ports))

_Static_assert(RANGE_STEP % STEP == 0, "a range has whole steps");

/* Return the held or the live ports of some bytes as a bitmap. */
static PyObject *ports_result(const struct eight_ports *ports, Py_ssize_t length, bool live)
{
    PyObject *bitmap = PyBytes_FromStringAndSize(NULL, length);
    char *bytes = bitmap ? PyBytes_AsString(bitmap) : NULL;

    for (Py_ssize_t i = 0; bytes && i < length; i++)
        bytes[i] = (char)(live ? ports[i].live : ports[i].held);
    return bitmap;
}

static bool all_live(const struct eight_ports *ports, Py_ssize_t length)
{
    for (Py_ssize_t i = 0; i < length; i++)
        if (ports[i].held != ports[i].live)
            return false;
    return true;
}

/* Both bitmaps from the lowest to the highest held port, and where they begin: a thousand whole
 * ones would cost more than the sockets. If no port is in TIME_WAIT, the live ports are the held
 * ones. */
static PyObject *address_result(const struct local_addresses *addresses,
                                const struct local_address *address)
{
    const struct eight_ports *ports = address->ports;
    Py_ssize_t begin = 0, end = addresses->length;

    while (end > 0 && no_port_in((const uint8_t *)&ports[end - STEP]))
        end -= STEP;
    while (begin < end && no_port_in((const uint8_t *)&ports[begin]))
        begin += STEP;
    PyObject *held = ports_result(ports + begin, end - begin, false);
    PyObject *live = held && all_live(ports + begin, end - begin)
                         ? Py_NewRef(held)
                         : ports_result(ports + begin, end - begin, true);

    return Py_BuildValue("(y#InNN)", (const char *)&address->ip, (Py_ssize_t)sizeof address->ip,
                         address->scope, addresses->begin + begin, held, live);
}

static PyObject *addresses_result(const struct local_addresses *addresses)
{
    PyObject *list = PyList_New(addresses->count);

    for (uint16_t i = 0; list && i < addresses->count; i++) {
        PyObject *item = address_result(addresses, addresses->all[i]);
        if (!item || PyList_SetItem(list, i, item) < 0)
            Py_CLEAR(list);
    }
    return list;
}

PyObject *edge_result(const struct recent *recent, const struct known_entries *seen,
                      long long ended_ms)
{
    return Py_BuildValue("(LLy#)", recent->started_ms, ended_ms, seen->bytes ? seen->packed : "",
                         (Py_ssize_t)seen->bytes);
}

/* Return the whole result; the caller owns its parts. */
static PyObject *all_of(const struct inet_diag_tally *tally, PyObject *addresses, PyObject *pools,
                        PyObject *edge)
{
    const struct socket_tally *sockets = &tally->sockets;
    const struct kept_records *kept = &tally->kept;

    return Py_BuildValue(
        "(y#ONKONy#y#KIO)", (const char *)sockets->states, (Py_ssize_t)sizeof sockets->states,
        addresses, bitmap_result(sockets->held), (unsigned long long)sockets->addresses.overflow,
        pools, bitmap_result(sockets->accepted),
        (const char *)sockets->close_wait, (Py_ssize_t)sizeof sockets->close_wait,
        kept->count ? (const char *)kept->bytes : "", (Py_ssize_t)kept->length,
        (unsigned long long)kept->overflow, tally->longest_left_ms, edge);
}

/* Return the pools of all directions. */
static PyObject *all_pools(const struct socket_tally *sockets)
{
    const struct pool_table *tables[] = {&sockets->outbound, &sockets->inbound,
                                         &sockets->privileged, &sockets->explicit};
    Py_ssize_t count = sizeof tables / sizeof *tables;
    PyObject *all = PyTuple_New(count);

    for (Py_ssize_t i = 0; all && i < count; i++) {
        PyObject *pools = pools_result(tables[i]);
        if (!pools || PyTuple_SetItem(all, i, pools) < 0)
            Py_CLEAR(all);
    }
    return all;
}

PyObject *sockets_result(const struct inet_diag_tally *tally, PyObject *edge)
{
    PyObject *addresses = edge ? addresses_result(&tally->sockets.addresses) : NULL;
    PyObject *pools = addresses ? all_pools(&tally->sockets) : NULL;
    PyObject *all = pools ? all_of(tally, addresses, pools, edge) : NULL;

    Py_XDECREF(addresses);
    Py_XDECREF(pools);
    Py_XDECREF(edge);
    return all;
}

/* Return what was found there in some chains, up to where the next part begins. */
static PyObject *part_result(const struct found_there *there, uint32_t number)
{
    const struct part *part = &there->parts[number];
    bool last = number + 1 == there->part_count;
    uint32_t connections = last ? there->connection_count : part[1].connections;
    uint32_t close_waits = last ? there->close_wait_count : part[1].close_waits;
    Py_ssize_t details = (Py_ssize_t)((close_waits - part->close_waits) *
                                      sizeof *there->close_waits);

    return Py_BuildValue("(ILy#y#)", part->block, part->now_ms,
                         (const char *)(there->connections + part->connections),
                         (Py_ssize_t)((connections - part->connections) *
                                      sizeof *there->connections),
                         details ? (const char *)(there->close_waits + part->close_waits) : "",
                         details);
}

static PyObject *there_result(const struct found_there *there)
{
    PyObject *parts = PyList_New(there->part_count);

    for (uint32_t i = 0; parts && i < there->part_count; i++) {
        PyObject *part = part_result(there, i);
        if (!part || PyList_SetItem(parts, i, part) < 0)
            Py_CLEAR(parts);
    }
    return parts ? Py_BuildValue("(IN)", there->netns, parts) : NULL;
}

PyObject *collection_result(const struct collection *collection)
{
    PyObject *all = PyList_New(collection->count);

    for (uint32_t i = 0; all && i < collection->count; i++) {
        PyObject *there = there_result(&collection->namespaces[i]);
        if (!there || PyList_SetItem(all, i, there) < 0)
            Py_CLEAR(all);
    }
    return all;
}

PyObject *raise_failure(const struct failure *failure)
{
    if (PyErr_Occurred())
        return NULL;
    if (failure->call_errno) {
        errno = failure->call_errno;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    PyObject *reason = failure->answered ? PyLong_FromLong(failure->kernel_errno)
                                         : PyUnicode_FromString(failure->reason);
    PyObject *arguments = reason ? Py_BuildValue("(sN)", failure->operation, reason) : NULL;
    if (arguments)
        PyErr_SetObject(PyExc_ValueError, arguments);
    Py_XDECREF(arguments);
    return NULL;
}
