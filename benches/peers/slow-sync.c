/* Preloaded into every peer for the pass with slower syncs: each sync takes SLOW_SYNC_US microseconds longer, as on a
 * disk that needs that long. Everything else is the system's own. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void wait_longer(void) {
    const char *text = getenv("SLOW_SYNC_US");
    if (text) usleep((useconds_t)atoi(text));
}

int fsync(int file) { wait_longer(); return (int)syscall(SYS_fsync, file); }
int fdatasync(int file) { wait_longer(); return (int)syscall(SYS_fdatasync, file); }
