/* BPF programs for Python: loads, attaches and runs them, and reads their maps.
 *
 * Nothing is pinned: a program, a map or an attachment ends with its last descriptor, at the latest
 * with the process. Every function raises OSError with the kernel's answer.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>

#include "skeleton.h"
#include "syscalls.h"

#include "programs/active_closes.skeleton.h"
#include "programs/bind_failures.skeleton.h"
#include "programs/bind_hash.skeleton.h"
#include "programs/bind_hash_in_step.skeleton.h"
#include "programs/connections.skeleton.h"
#include "programs/listeners.skeleton.h"
#include "programs/port_failures.skeleton.h"
#include "programs/state_changes.skeleton.h"

static const struct skeleton *const SKELETONS[] = {
    &SKELETON_active_closes,
    &SKELETON_bind_failures,
    &SKELETON_bind_hash,
    &SKELETON_bind_hash_in_step,
    &SKELETON_connections,
    &SKELETON_listeners,
    &SKELETON_port_failures,
    &SKELETON_state_changes,
    NULL,
};

static PyObject *raise_errno(void)
{
    return PyErr_SetFromErrno(PyExc_OSError);
}

static const struct skeleton *find_skeleton(const char *name)
{
    for (const struct skeleton *const *one = SKELETONS; *one; one++)
        if (strcmp((*one)->name, name) == 0)
            return *one;
    PyErr_Format(PyExc_LookupError, "no BPF object %s", name);
    return NULL;
}

/* Add {name: descriptor} for each name; return the number of names, or -1 with an exception. */
static int add_descriptors(PyObject *found, const char *const *names, const int *descriptors)
{
    int count = 0;

    for (; names[count]; count++) {
        PyObject *number = PyLong_FromLong(descriptors[count]);

        if (!number || PyDict_SetItemString(found, names[count], number) < 0) {
            Py_XDECREF(number);
            return -1;
        }
        Py_DECREF(number);
    }
    return count;
}

static PyObject *name_descriptors(const struct skeleton *skeleton, const int *descriptors)
{
    PyObject *found = PyDict_New();
    int maps = found ? add_descriptors(found, skeleton->maps, descriptors) : -1;

    if (maps >= 0 && add_descriptors(found, skeleton->programs, descriptors + maps) >= 0)
        return found;
    Py_XDECREF(found);
    return NULL;
}

static PyObject *load(PyObject *module, PyObject *arguments)
{
    int descriptors[2 * MOST_PARTS];
    const char *name;
    int loaded;

    (void)module;
    memset(descriptors, -1, sizeof descriptors);
    if (!PyArg_ParseTuple(arguments, "s", &name))
        return NULL;
    const struct skeleton *skeleton = find_skeleton(name);
    if (!skeleton)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    loaded = load_skeleton(skeleton, descriptors);
    Py_END_ALLOW_THREADS
    if (!loaded)
        return raise_errno();
    PyObject *found = name_descriptors(skeleton, descriptors);
    if (!found)
        for (int i = 0; i < 2 * MOST_PARTS; i++)
            if (descriptors[i] >= 0)
                close(descriptors[i]);
    return found;
}

static PyObject *attach(PyObject *module, PyObject *arguments)
{
    int program;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "i", &program))
        return NULL;
    union bpf_attr attributes = {.raw_tracepoint.prog_fd = (uint32_t)program};
    long link = call_bpf(BPF_RAW_TRACEPOINT_OPEN, &attributes);
    return link < 0 ? raise_errno() : PyLong_FromLong(link);
}

static PyObject *run(PyObject *module, PyObject *arguments)
{
    const char *given = NULL;
    Py_ssize_t bytes = 0;
    long called;
    int program;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "i|y#", &program, &given, &bytes))
        return NULL;
    union bpf_attr attributes = {
        .test.prog_fd = (uint32_t)program,
        .test.ctx_in = bytes ? (uint64_t)(uintptr_t)given : 0,
        .test.ctx_size_in = (uint32_t)bytes,
    };
    Py_BEGIN_ALLOW_THREADS
    called = call_bpf(BPF_PROG_TEST_RUN, &attributes);
    Py_END_ALLOW_THREADS
    return called < 0 ? raise_errno() : PyLong_FromLong((int32_t)attributes.test.retval);
}

/* Ask for a map's sizes. EINVAL if its keys have another size than this: the kernel reads and
 * writes as much as the map says. False with errno set. */
static bool describe(int map, Py_ssize_t key_size, struct bpf_map_info *info)
{
    union bpf_attr attributes = {
        .info.bpf_fd = (uint32_t)map,
        .info.info_len = sizeof *info,
        .info.info = (uint64_t)(uintptr_t)info,
    };

    memset(info, 0, sizeof *info);
    if (call_bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes) < 0)
        return false;
    errno = EINVAL;
    return info->key_size == (size_t)key_size;
}

/* Whether a map has these sizes, and room for at least this many rows; false with errno set. */
static bool fits(int map, Py_ssize_t key_size, Py_ssize_t value_size, uint32_t rows)
{
    struct bpf_map_info info;

    return describe(map, key_size, &info) && info.value_size == (size_t)value_size &&
           rows <= info.max_entries;
}

static PyObject *look_up(PyObject *module, PyObject *arguments)
{
    const char *key;
    Py_ssize_t key_size, size;
    int map;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "iy#n", &map, &key, &key_size, &size))
        return NULL;
    if (!fits(map, key_size, size, 1))
        return raise_errno();
    PyObject *value = PyBytes_FromStringAndSize(NULL, size);
    if (value && !look_up_in_map(map, key, PyBytes_AsString(value))) {
        Py_DECREF(value);
        return raise_errno();
    }
    return value;
}

static PyObject *update(PyObject *module, PyObject *arguments)
{
    const char *key, *value;
    Py_ssize_t key_size, size;
    int map;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "iy#y#", &map, &key, &key_size, &value, &size))
        return NULL;
    if (!fits(map, key_size, size, 1) || !update_map(map, key, value))
        return raise_errno();
    Py_RETURN_NONE;
}

/* Delete some entries of a hash. The keys all have one size and follow one another. */
static PyObject *delete_entries(PyObject *module, PyObject *arguments)
{
    const char *keys;
    Py_ssize_t size, key_size;
    long called;
    int map;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "iy#n", &map, &keys, &size, &key_size))
        return NULL;
    if (key_size <= 0 || size % key_size) {
        PyErr_SetString(PyExc_ValueError, "these are no keys of that size");
        return NULL;
    }
    struct bpf_map_info info;
    if (!describe(map, key_size, &info))
        return raise_errno();
    union bpf_attr attributes = {
        .batch.map_fd = (uint32_t)map,
        .batch.keys = (uint64_t)(uintptr_t)keys,
        .batch.count = (uint32_t)(size / key_size),
    };
    Py_BEGIN_ALLOW_THREADS
    called = call_bpf(BPF_MAP_DELETE_BATCH, &attributes);
    Py_END_ALLOW_THREADS
    if (called < 0)
        return raise_errno();
    Py_RETURN_NONE;
}

/* Return (key, value) for all entries of a hash; `most` is the most that it can hold. Rows added
 * during the call may be missing; no row appears twice unless rows are deleted. */
static PyObject *entries(PyObject *module, PyObject *arguments)
{
    unsigned key_size, value_size, most;
    long called;
    int map;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "iIII", &map, &key_size, &value_size, &most))
        return NULL;
    if (!fits(map, key_size, value_size, most))
        return raise_errno();
    /* The kernel writes here where it would continue: a number, or a key. */
    size_t position_size = key_size > sizeof(uint32_t) ? key_size : sizeof(uint32_t);
    char *keys = malloc((size_t)most * key_size), *values = malloc((size_t)most * value_size);
    char *position = malloc(position_size);
    PyObject *found = NULL;

    if (!keys || !values || !position) {
        PyErr_NoMemory();
        goto done;
    }
    union bpf_attr attributes = {
        .batch.map_fd = (uint32_t)map,
        .batch.out_batch = (uint64_t)(uintptr_t)position,
        .batch.keys = (uint64_t)(uintptr_t)keys,
        .batch.values = (uint64_t)(uintptr_t)values,
        .batch.count = most,
    };
    Py_BEGIN_ALLOW_THREADS
    called = call_bpf(BPF_MAP_LOOKUP_BATCH, &attributes);
    Py_END_ALLOW_THREADS
    /* ENOENT: that was the end of the table. */
    if (called < 0 && errno != ENOENT) {
        raise_errno();
        goto done;
    }
    found = PyList_New((Py_ssize_t)attributes.batch.count);
    for (uint32_t i = 0; found && i < attributes.batch.count; i++) {
        PyObject *entry = Py_BuildValue("(y#y#)", keys + (size_t)i * key_size,
                                        (Py_ssize_t)key_size, values + (size_t)i * value_size,
                                        (Py_ssize_t)value_size);

        if (!entry || PyList_SetItem(found, (Py_ssize_t)i, entry) < 0)
            Py_CLEAR(found);
    }
done:
    free(keys);
    free(values);
    free(position);
    return found;
}

/* Drop CAP_BPF and CAP_PERFMON for this thread, and so for every thread that it starts. */
static PyObject *give_up_rights(PyObject *module, PyObject *nothing)
{
    static const int RIGHTS[] = {CAP_BPF, CAP_PERFMON};
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
    bool had = false;

    (void)module;
    (void)nothing;
    if (syscall(SYS_capget, &header, sets) < 0)
        return raise_errno();
    for (size_t i = 0; i < sizeof RIGHTS / sizeof *RIGHTS; i++) {
        struct __user_cap_data_struct *set = &sets[CAP_TO_INDEX(RIGHTS[i])];
        uint32_t others = ~(uint32_t)CAP_TO_MASK(RIGHTS[i]);

        had = had || set->permitted & ~others || set->inheritable & ~others;
        set->effective &= others;
        set->permitted &= others;
        set->inheritable &= others;
    }
    /* Without them the call is not needed, and a filter may deny it. */
    if (had && syscall(SYS_capset, &header, sets) < 0)
        return raise_errno();
    Py_RETURN_NONE;
}

static PyMethodDef METHODS[] = {
    {"load", load, METH_VARARGS, "Load a BPF object; return its descriptors by name."},
    {"attach", attach, METH_VARARGS, "Attach a program; return the descriptor that holds it."},
    {"run", run, METH_VARARGS, "Run a program once, in this thread, with arguments; return its result."},
    {"look_up", look_up, METH_VARARGS, "Return the value of a map's key, of a size in bytes."},
    {"delete_entries", delete_entries, METH_VARARGS, "Delete the entries of some keys."},
    {"entries", entries, METH_VARARGS, "Return (key, value) of each entry of a hash."},
    {"update", update, METH_VARARGS, "Set the value of a map's key."},
    {"give_up_rights", give_up_rights, METH_NOARGS, "Give up the rights to load, in this thread."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_bpf",
    .m_doc = "BPF programs: loaded, attached, run, and their maps read.",
    .m_size = 0,
    .m_methods = METHODS,
};

PyMODINIT_FUNC PyInit__bpf(void)
{
    return PyModuleDef_Init(&MODULE);
}
