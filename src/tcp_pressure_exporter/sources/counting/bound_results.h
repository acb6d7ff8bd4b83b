/* The counts of sockets that own a port, as the Python objects that compiled_bound.py unpacks. */
#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "core/listener_tally.h"

/* Return what a tally has counted, or NULL with an exception. Orders the tally. */
PyObject *bound_result(struct listener_tally *tally);
