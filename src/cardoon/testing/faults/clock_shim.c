/* Moves the wall clock of the processes that preload it by the nanoseconds that stand, as one 64-bit
   number, in the file named by CARDOON_TEST_CLOCK. The number may change while they run. Clocks that
   only run forward are left alone, as they are when an administrator sets the time. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static const volatile int64_t none = 0, *shift = &none;

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("CARDOON_TEST_CLOCK");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *page = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED)
        shift = page;
    close(file);
}

int clock_gettime(clockid_t id, struct timespec *moment)
{
    int failed = (int)syscall(SYS_clock_gettime, id, moment);
    if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        int64_t at = moment->tv_sec * SECOND + moment->tv_nsec + *shift;
        moment->tv_sec = at / SECOND;
        moment->tv_nsec = at % SECOND;
    }
    return failed;
}

int gettimeofday(struct timeval *moment, void *zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    moment->tv_sec = now.tv_sec;
    moment->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *moment)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (moment)
        *moment = now.tv_sec;
    return now.tv_sec;
}
