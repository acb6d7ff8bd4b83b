/* What was counted, and what went wrong, as Python objects. */
#pragma once
#include "netlink_walk.h"

static PyObject *ages_of(const struct tally *t, const struct pool *pool)
{
    uint32_t ages[AGES] = {0};
    add_ages(t, pool, ages);
    return PyBytes_FromStringAndSize((const char *)ages, sizeof ages);
}

/* (rows, (pools, most used, ports, time_wait, reclaimable, entered, ages) of the others, overflow) */
static PyObject *pools_result(const struct tally *t, const struct pools *pools)
{
    unsigned long long count = 0, most = 0, ports = 0, time_wait = 0, reclaimable = 0, entered = 0;
    uint32_t ages[AGES] = {0};
    PyObject *rows = PyList_New(0);
    for (uint32_t i = 0; rows && i < pools->count; i++) {
        const struct pool *pool = &pools->all[i];
        if (used_of(pool) < pools->least && !(pool->address & WATCHED)) {
            add_ages(t, pool, ages);
            count++, ports += pool->ports, time_wait += pool->time_wait;
            reclaimable += pool->reclaimable, entered += pool->entered;
            if (used_of(pool) > most) most = used_of(pool);
            continue;
        }
        PyObject *row = Py_BuildValue("(y#IIIIN)", (const char *)pool, (Py_ssize_t)KEY_BYTES,
                                      pool->ports, pool->time_wait, pool->reclaimable, pool->entered,
                                      ages_of(t, pool));
        if (!row || PyList_Append(rows, row) < 0) Py_CLEAR(rows);
        Py_XDECREF(row);
    }
    if (!rows) return NULL;
    return Py_BuildValue("(N(KKKKKKy#)K)", rows, count, most, ports, time_wait, reclaimable, entered,
                         (const char *)ages, (Py_ssize_t)sizeof ages, (unsigned long long)pools->overflow);
}

static PyObject *addresses_result(const struct tally *t)
{
    PyObject *list = PyList_New(t->address_count);
    for (uint32_t i = 0; list && i < t->address_count; i++) {
        const struct address *a = t->addresses[i];
        PyObject *item = Py_BuildValue("(y#y#y#)", (const char *)&a->ip, (Py_ssize_t)sizeof a->ip, a->held,
                                       (Py_ssize_t)BITMAP_BYTES, a->live, (Py_ssize_t)BITMAP_BYTES);
        if (!item || PyList_SetItem(list, i, item) < 0) Py_CLEAR(list);
    }
    return list;
}

static PyObject *result(const struct tally *t)
{
    if (t->recent) qsort(t->recent, t->recent_count, sizeof *t->recent, compare_cookies);
    PyObject *addresses = addresses_result(t);
    PyObject *outbound = addresses ? pools_result(t, &t->outbound) : NULL;
    PyObject *inbound = outbound ? pools_result(t, &t->inbound) : NULL;
    PyObject *all = NULL;
    if (inbound)
        all = Py_BuildValue("(y#Oy#KOOy#y#K(LLy#))", (const char *)t->states, (Py_ssize_t)sizeof t->states,
                            addresses, t->held, (Py_ssize_t)BITMAP_BYTES,
                            (unsigned long long)t->address_overflow, outbound, inbound,
                            (const char *)t->close_wait, (Py_ssize_t)sizeof t->close_wait,
                            t->kept ? (const char *)t->kept : "", (Py_ssize_t)t->kept_bytes,
                            (unsigned long long)t->kept_overflow, t->started_ms, t->now_ms,
                            t->recent ? (const char *)t->recent : "",
                            (Py_ssize_t)(t->recent_count * sizeof *t->recent));
    Py_XDECREF(addresses), Py_XDECREF(outbound), Py_XDECREF(inbound);
    return all;
}

static PyObject *failure(const struct tally *t)
{
    if (PyErr_Occurred()) return NULL; /* a signal handler raised */
    if (t->call_errno) {
        errno = t->call_errno;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    PyObject *reason = t->answered_errno ? PyLong_FromLong(t->kernel_errno)
                                         : PyUnicode_FromString(t->reason);
    PyObject *arguments = reason ? Py_BuildValue("(sN)", t->operation, reason) : NULL;
    if (arguments) PyErr_SetObject(PyExc_ValueError, arguments);
    Py_XDECREF(arguments);
    return NULL;
}
