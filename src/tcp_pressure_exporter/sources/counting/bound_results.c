#include "bound_results.h"

#include "python_results.h"

#define NUMBER_SHIFT 16 /* of an address in a pair: address_ports.h */

static int append(PyObject *list, PyObject *item)
{
    int status = item ? PyList_Append(list, item) : -1;

    Py_XDECREF(item);
    return status;
}

/* Return (address, ports) of the pairs from `begin` to `end`, which share an address. The ports
 * overwrite the pairs. */
static PyObject *address_result(struct address_ports *ports, uint32_t begin, uint32_t end)
{
    uint16_t *row = (uint16_t *)&ports->pairs[begin];
    const struct ip *ip = &ports->addresses[(ports->pairs[begin] >> NUMBER_SHIFT) - 1];

    for (uint32_t i = begin; i < end; i++) {
        uint16_t port = (uint16_t)ports->pairs[i];
        memcpy(&row[i - begin], &port, sizeof port);
    }
    return Py_BuildValue("(y#y#)", (const char *)ip, (Py_ssize_t)sizeof *ip, (const char *)row,
                         (Py_ssize_t)((end - begin) * sizeof *row));
}

static PyObject *addresses_result(struct address_ports *ports)
{
    PyObject *list = PyList_New(0);
    uint32_t end;

    sort_address_ports(ports);
    for (uint32_t begin = 0; list && begin < ports->taken; begin = end) {
        uint32_t number = ports->pairs[begin] >> NUMBER_SHIFT;
        for (end = begin; end < ports->taken && ports->pairs[end] >> NUMBER_SHIFT == number; end++)
            ;
        if (append(list, address_result(ports, begin, end)) < 0)
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *queue_result(const struct accept_queue *queue)
{
    const struct socket_owner *owner = &queue->owner;

    return Py_BuildValue("(Ky#HIIIIiK)", (unsigned long long)queue->order,
                         (const char *)&queue->key.ip, (Py_ssize_t)sizeof queue->key.ip,
                         queue->key.port, queue->key.scope, queue->used, queue->limit,
                         owner->inode, owner->has_cgroup, (unsigned long long)owner->cgroup_id);
}

static PyObject *queues_result(const struct accept_queues *queues)
{
    PyObject *list = PyList_New(0);

    for (int16_t i = 0; list && i < queues->count; i++)
        if (queues->all[i].order && append(list, queue_result(&queues->all[i])) < 0)
            Py_CLEAR(list);
    return list;
}

/* Return the whole result; the caller owns its parts. */
static PyObject *all_of(const struct listener_tally *tally, PyObject *addresses, PyObject *queues)
{
    const struct address_ports *ports = &tally->addresses;

    return Py_BuildValue(
        "(KKNNNNKOOiy#K)", (unsigned long long)tally->listeners[0],
        (unsigned long long)tally->listeners[1], bitmap_result(tally->ports[1]),
        bitmap_result(tally->ports[0]), bitmap_result(tally->dual_stack),
        bitmap_result(ports->anywhere), (unsigned long long)ports->overflow, addresses, queues,
        tally->transparent, tally->kept_count ? (const char *)tally->kept : "",
        (Py_ssize_t)(tally->kept_count * sizeof *tally->kept),
        (unsigned long long)tally->kept_overflow);
}

PyObject *bound_result(struct listener_tally *tally)
{
    PyObject *addresses = addresses_result(&tally->addresses);
    PyObject *queues = addresses ? queues_result(&tally->queues) : NULL;
    PyObject *all = queues ? all_of(tally, addresses, queues) : NULL;

    Py_XDECREF(addresses);
    Py_XDECREF(queues);
    return all;
}
