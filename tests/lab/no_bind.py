#!/usr/bin/env python3
"""Runs a command whose setsockopt(SOL_SOCKET, SO_BINDTODEVICE) fails with EPERM, as on kernels before
5.7 without CAP_NET_RAW; with --pretend it does nothing and says that it worked, which shows where
packets would go without it: no_bind.py [--pretend] CMD [ARG]..."""
import ctypes
import errno
import os
import sys

SOL_SOCKET, SO_BINDTODEVICE = 1, 25
ALLOW, ERRNO, EQUAL = 0x7FFF0000, 0x00050000, 4  # SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(0), SCMP_CMP_EQ


class Compare(ctypes.Structure):  # struct scmp_arg_cmp
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


seccomp = ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
seccomp.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint,
                                           ctypes.POINTER(Compare)]
seccomp.seccomp_load.argtypes = [ctypes.c_void_p]
command = sys.argv[1:]
answer = errno.EPERM
if command[0] == "--pretend":
    command, answer = command[1:], 0
filter_ = seccomp.seccomp_init(ALLOW)
call = seccomp.seccomp_syscall_resolve_name(b"setsockopt")
which = (Compare * 2)(Compare(1, EQUAL, SOL_SOCKET, 0), Compare(2, EQUAL, SO_BINDTODEVICE, 0))
if seccomp.seccomp_rule_add_array(filter_, ERRNO | answer, call, 2, which) or seccomp.seccomp_load(filter_):
    sys.exit("no_bind.py: no filter")
os.execvp(command[0], command)
