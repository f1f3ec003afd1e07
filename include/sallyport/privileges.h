/*
 * Giving up what a process was started with.
 *
 * Promises: after privileges_drop() the process has no capability, cannot gain one by exec, and a
 * root user has become nobody; what it has open stays open. Its memory can be neither dumped nor
 * traced until privileges_traceable().
 */
#ifndef SALLYPORT_PRIVILEGES_H
#define SALLYPORT_PRIVILEGES_H

/* 0 or -errno: then go no further. */
int privileges_drop(void);
/* Once the secrets are wiped. */
void privileges_traceable(void);

#endif
