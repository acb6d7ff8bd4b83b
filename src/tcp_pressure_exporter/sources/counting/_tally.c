/* The compiled form of readable_tally.py and readable_conntrack.py for Python: without the GIL.
 *
 * No Python object is touched between the first datagram and the last.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "conntrack_entry.h"
#include "python_results.h"

#define DATAGRAM_BYTES 32768 /* the kernel makes them no larger */

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
            return FAIL(t, t->name, "a datagram of %zd bytes was cut", size);
        if (size >= 0) {
            if (from.nl_pid == 0) outcome = add_datagram(t, buffer, (size_t)size);
            t->now_ms = next_filled_ms; /* netlink_recvmsg has filled the next one meanwhile */
        } else if (errno == EAGAIN) {
            struct pollfd wait = {.fd = fd, .events = POLLIN};
            int ready = poll(&wait, 1, (int)(seconds[0] * 1000));
            if (ready == 0) return FAIL(t, t->name, "timed out");
            if (ready < 0) return t->call_errno = errno, FAILED;
        } else
            return t->call_errno = errno, FAILED;
        if (outcome == MORE && seconds_now() > end)
            return FAIL(t, t->name, "not finished after %.0f s", seconds[1]);
    }
    return outcome;
}

static enum outcome drain_without_gil(struct tally *t, int fd, const double *seconds)
{
    enum outcome outcome = FAILED;
    double end = seconds_now() + seconds[1];
    uint8_t *buffer = malloc(DATAGRAM_BYTES);
    if (!buffer) return no_memory(t);
    do {
        t->call_errno = 0;
        Py_BEGIN_ALLOW_THREADS
        outcome = drain(t, fd, buffer, seconds, end);
        Py_END_ALLOW_THREADS
    } while (t->call_errno == EINTR && PyErr_CheckSignals() == 0);
    free(buffer);
    return outcome;
}

/* Parse (source, sequence, (answer s, dump s, started ms), rules, limits) of compiled_tally.py. */
static struct tally *prepare(PyObject *arguments, PyObject **source, double *seconds)
{
    Py_ssize_t usable, blocked, served, known, outbound, inbound;
    unsigned long long seed;
    struct tally *t = calloc(1, sizeof *t);
    if (!t) return (struct tally *)PyErr_NoMemory();
    if (PyArg_ParseTuple(arguments, "OI(ddL)(y#y#y#ppLLLy#(IIy#)(IIy#))(IK)", source, &t->sequence, &seconds[0],
                         &seconds[1], &t->started_ms, &t->usable, &usable, &t->blocked, &blocked, &t->served, &served,
                         &t->everywhere, &t->on_loopback, &t->delay_ms, &t->since_ms, &t->since_end_ms, &t->known, &known,
                         &t->outbound_rows.min_used, &t->outbound_rows.max_rows, &t->outbound_rows.watched, &outbound,
                         &t->inbound_rows.min_used, &t->inbound_rows.max_rows, &t->inbound_rows.watched, &inbound,
                         &t->kept_states, &seed)) {
        t->name = "sock_diag dump", t->message_type = TCPDIAG_GETSOCK, t->add = add_entry;
        t->seed = seed, t->now_ms = t->started_ms, t->known_bytes = (size_t)known;
        t->outbound_rows.watched_bytes = (size_t)outbound, t->inbound_rows.watched_bytes = (size_t)inbound;
        if (usable == BITMAP_BYTES && blocked == BITMAP_BYTES && served == BITMAP_BYTES)
            return prepare_ports(t), t;
        PyErr_SetString(PyExc_TypeError, "a port set has 8192 bytes");
    }
    free(t);
    return NULL;
}

static PyObject *finish(struct tally *t, enum outcome outcome)
{
    watch(&t->outbound, t->outbound_rows.watched, t->outbound_rows.watched_bytes, t->seed);
    watch(&t->inbound, t->inbound_rows.watched, t->inbound_rows.watched_bytes, t->seed);
    if (outcome == DONE && !(choose_rows(&t->outbound, &t->outbound_rows) &&
                             choose_rows(&t->inbound, &t->inbound_rows)))
        outcome = no_memory(t);
    PyObject *all = outcome == DONE ? result(t) : failure(t);
    release(t);
    return all;
}

static enum outcome add_all(struct tally *t, PyObject *datagrams)
{
    enum outcome outcome = MORE;
    Py_ssize_t count = PySequence_Size(datagrams);
    for (Py_ssize_t i = 0; outcome == MORE && i < count; i++) {
        const char *bytes;
        Py_ssize_t length;
        PyObject *datagram = PySequence_GetItem(datagrams, i);
        if (!datagram || !PyArg_ParseTuple(datagram, "Ly#", &t->now_ms, &bytes, &length)) outcome = FAILED;
        else outcome = add_datagram(t, (const uint8_t *)bytes, (size_t)length);
        Py_XDECREF(datagram);
    }
    return outcome == MORE ? FAIL(t, "netlink dump", "the answer ended before NLMSG_DONE") : outcome;
}

/* Parse (source, sequence, (answer s, dump s), (min used, max rows, watched), evicts, seed). */
static struct tally *prepare_nat(PyObject *arguments, PyObject **source, double *seconds)
{
    Py_ssize_t watched;
    unsigned long long seed;
    struct tally *t = calloc(1, sizeof *t);
    if (!t) return (struct tally *)PyErr_NoMemory();
    struct row_rules *rows = &t->outbound_rows;
    if (!PyArg_ParseTuple(arguments, "OI(dd)(IIy#)pK", source, &t->sequence, &seconds[0], &seconds[1], &rows->min_used,
                          &rows->max_rows, &rows->watched, &watched, &t->evicts, &seed))
        return free(t), NULL;
    rows->watched_bytes = (size_t)watched, t->seed = seed, t->ageless = 1;
    t->name = "ctnetlink dump", t->message_type = CT_NEW, t->add = add_conntrack;
    return t;
}

static PyObject *finish_nat(struct tally *t, enum outcome outcome)
{
    watch(&t->outbound, t->outbound_rows.watched, t->outbound_rows.watched_bytes, t->seed);
    if (outcome == DONE && !choose_rows(&t->outbound, &t->outbound_rows)) outcome = no_memory(t);
    PyObject *pools = outcome == DONE ? pools_result(t, &t->outbound) : failure(t);
    release(t);
    return pools;
}

typedef struct tally *(*preparing)(PyObject *arguments, PyObject **source, double *seconds);
typedef PyObject *(*finishing)(struct tally *t, enum outcome outcome);

/* The source is a descriptor. */
static PyObject *run_socket(PyObject *arguments, preparing prepared, finishing finished)
{
    PyObject *source;
    double seconds[2];
    struct tally *t = prepared(arguments, &source, seconds);
    if (!t) return NULL;
    int fd = (int)PyLong_AsLong(source);
    return finished(t, PyErr_Occurred() ? FAILED : drain_without_gil(t, fd, seconds));
}

/* The source is a sequence of datagrams. */
static PyObject *run_datagrams(PyObject *arguments, preparing prepared, finishing finished)
{
    PyObject *source;
    double seconds[2];
    struct tally *t = prepared(arguments, &source, seconds);
    return t ? finished(t, add_all(t, source)) : NULL;
}

#define METHOD(name, run, prepared, finished) \
    static PyObject *name(PyObject *module, PyObject *arguments) \
    { \
        (void)module; \
        return run(arguments, prepared, finished); \
    }

METHOD(tally_socket, run_socket, prepare, finish)
METHOD(tally_datagrams, run_datagrams, prepare, finish)
METHOD(tally_nat_socket, run_socket, prepare_nat, finish_nat)
METHOD(tally_nat_datagrams, run_datagrams, prepare_nat, finish_nat)

static PyMethodDef METHODS[] = {
    {"tally_socket", tally_socket, METH_VARARGS, "Drain the dump that was asked for on a netlink socket."},
    {"tally_datagrams", tally_datagrams, METH_VARARGS, "Count recorded datagrams: (ms when filled, bytes)."},
    {"tally_nat_socket", tally_nat_socket, METH_VARARGS, "The same for translated connections of conntrack."},
    {"tally_nat_datagrams", tally_nat_datagrams, METH_VARARGS, "And for recorded datagrams of it."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "_tally", .m_doc = "The compiled form of readable_tally.",
    .m_size = 0, .m_methods = METHODS,
};

PyMODINIT_FUNC PyInit__tally(void) { return PyModuleDef_Init(&MODULE); }
