/*
 * The rings in shared memory: geometry, the one writer, any reader. It owns the order of the
 * stores, which is the whole protocol. It refuses to look at anything outside its mapping, whatever
 * the numbers in there say. Called by gend (create), gend-log (write) and gend-supervisor (read).
 *
 * There are no fences: each word of data is stored with release and loaded with acquire, which
 * costs nothing on x86 and is what a race detector understands.
 */
#include "protocols/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define RING_MAGIC      0x72676e31u /* "1ngr" */
#define RING_PAGE       4096u /* of the layout; with larger ones ring_reset() frees no memory */
#define RING_READ_TRIES 4u

_Static_assert(sizeof(RingHead) <= RING_PAGE, "the head must fit its page");
_Static_assert(sizeof(RingMeta) <= RING_PAGE, "the meta data must fit its page");
_Static_assert((RING_BYTES_MIN & (RING_BYTES_MIN - 1)) == 0, "rings are powers of two");

static bool ring_bytes_ok(uint32_t ring_bytes)
{
        return ring_bytes >= RING_BYTES_MIN && ring_bytes <= RING_BYTES_MAX &&
               (ring_bytes & (ring_bytes - 1)) == 0;
}

static uint64_t set_bytes(uint32_t ring_bytes)
{
        return RING_PAGE + (uint64_t)LIMIT_SLOTS * (RING_PAGE + ring_bytes);
}

static RingHead *set_head(const RingSet *set)
{
        return set->map;
}

static RingMeta *slot_meta(const RingSet *set, uint32_t slot)
{
        size_t offset = RING_PAGE + (size_t)slot * (RING_PAGE + set->ring_bytes);

        return (void *)((char *)set->map + offset);
}

static char *slot_data(const RingSet *set, uint32_t slot)
{
        return (char *)slot_meta(set, slot) + RING_PAGE;
}

int ring_set_create(int fd, uint32_t ring_bytes)
{
        RingHead head = {.magic = RING_MAGIC, .ring_bytes = ring_bytes};
        ssize_t n;

        if (!ring_bytes_ok(ring_bytes))
                return -EINVAL;
        if (ftruncate(fd, (off_t)set_bytes(ring_bytes)) < 0)
                return -errno;
        n = pwrite(fd, &head, sizeof(head), 0);
        if (n != (ssize_t)sizeof(head))
                return n < 0 ? -errno : -EIO;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0 &&
            errno != EPERM && errno != EINVAL)
                return -errno;
        return 0;
}

int ring_set_open(int fd, bool is_writer, RingSet *ret_set)
{
        RingHead head;
        struct stat st;
        ssize_t n;
        void *map;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EPROTO;
        n = pread(fd, &head, sizeof(head), 0);
        if (n < 0)
                return -errno;
        if (n != (ssize_t)sizeof(head) || head.magic != RING_MAGIC ||
            !ring_bytes_ok(head.ring_bytes))
                return -EPROTO;
        if (st.st_size != (off_t)set_bytes(head.ring_bytes))
                return -EPROTO;

        map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
                return -errno;
        *ret_set = (RingSet){
                .map = map,
                .map_bytes = (size_t)st.st_size,
                .ring_bytes = head.ring_bytes,
                .is_writer = is_writer,
        };
        return 0;
}

void ring_set_close(RingSet *set)
{
        if (set->map)
                (void)munmap(set->map, set->map_bytes);
        *set = RING_SET_NULL;
}

static bool is_word_aligned(const char *ptr)
{
        return ((uintptr_t)ptr & (sizeof(uint64_t) - 1)) == 0;
}

/* memcpy() into shared memory, word by word where @shared is aligned. */
static void shared_store(char *shared, const char *data, size_t size)
{
        for (; size > 0 && !is_word_aligned(shared); size--)
                atomic_store_explicit((_Atomic char *)shared++, *data++, memory_order_release);
        for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t)) {
                uint64_t word;

                memcpy(&word, data, sizeof(word));
                atomic_store_explicit((_Atomic uint64_t *)(void *)shared, word,
                                      memory_order_release);
                shared += sizeof(word);
                data += sizeof(word);
        }
        for (; size > 0; size--)
                atomic_store_explicit((_Atomic char *)shared++, *data++, memory_order_release);
}

/* memcpy() out of shared memory. */
static void shared_load(char *data, const char *shared, size_t size)
{
        for (; size > 0 && !is_word_aligned(shared); size--)
                *data++ =
                        atomic_load_explicit((const _Atomic char *)shared++, memory_order_acquire);
        for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t)) {
                uint64_t word = atomic_load_explicit((const _Atomic uint64_t *)(const void *)shared,
                                                     memory_order_acquire);

                memcpy(data, &word, sizeof(word));
                shared += sizeof(word);
                data += sizeof(word);
        }
        for (; size > 0; size--)
                *data++ =
                        atomic_load_explicit((const _Atomic char *)shared++, memory_order_acquire);
}

void ring_append(RingSet *set, uint32_t slot, const void *data, size_t size)
{
        const char *from = data;
        size_t skipped, offset, first;
        uint64_t written, claimed, end;
        RingMeta *meta;

        if (slot >= LIMIT_SLOTS || size == 0)
                return;
        meta = slot_meta(set, slot);
        written = atomic_load_explicit(&meta->written, memory_order_relaxed);
        claimed = atomic_load_explicit(&meta->claimed, memory_order_relaxed);
        end = written + size;
        /* A claim beyond ours is a predecessor's that died, or ring_reset()'s: those bytes are
         * gone. */
        if (claimed < end || claimed > written + set->ring_bytes)
                atomic_store_explicit(&meta->claimed, end, memory_order_relaxed);

        skipped = size > set->ring_bytes ? size - set->ring_bytes : 0;
        from += skipped;
        size -= skipped;
        offset = (written + skipped) & (set->ring_bytes - 1);
        first = MIN_OF(size, set->ring_bytes - offset);
        shared_store(slot_data(set, slot) + offset, from, first);
        shared_store(slot_data(set, slot), from + first, size - first);
        atomic_store_explicit(&meta->written, end, memory_order_release);
}

void ring_count_dropped(RingSet *set, uint32_t slot, uint64_t bytes)
{
        if (slot < LIMIT_SLOTS)
                (void)atomic_fetch_add_explicit(&slot_meta(set, slot)->dropped, bytes,
                                                memory_order_relaxed);
}

uint64_t ring_written(const RingSet *set, uint32_t slot)
{
        if (slot >= LIMIT_SLOTS)
                return 0;
        return atomic_load_explicit(&slot_meta(set, slot)->written, memory_order_relaxed);
}

void ring_reset(RingSet *set, uint32_t slot)
{
        uint64_t written;
        RingMeta *meta;

        if (slot >= LIMIT_SLOTS)
                return;
        meta = slot_meta(set, slot);
        written = atomic_load_explicit(&meta->written, memory_order_relaxed);
        if (written == 0)
                return; /* never used */
        /* All of the past is claimed before it vanishes, and stays so: what comes next begins here.
         */
        atomic_store(&meta->claimed, written + set->ring_bytes);
        atomic_store(&meta->begin, written);
        atomic_store(&meta->dropped, 0);
        (void)madvise(slot_data(set, slot), set->ring_bytes, MADV_REMOVE);
}

RingFlight *ring_flight(const RingSet *set)
{
        return &set_head(set)->flight;
}

/* The first position that is certainly this child's, and was not overwritten so far. */
static uint64_t ring_valid_from(const RingSet *set, const RingMeta *meta)
{
        uint64_t claimed = atomic_load_explicit(&meta->claimed, memory_order_acquire);
        uint64_t begin = atomic_load_explicit(&meta->begin, memory_order_acquire);
        uint64_t oldest = claimed > set->ring_bytes ? claimed - set->ring_bytes : 0;

        return MAX_OF(begin, oldest);
}

static void ring_copy(const RingSet *set, uint32_t slot, uint64_t from, char *buffer, size_t size)
{
        size_t offset = from & (set->ring_bytes - 1);
        size_t first = MIN_OF(size, set->ring_bytes - offset);

        shared_load(buffer, slot_data(set, slot) + offset, first);
        shared_load(buffer + first, slot_data(set, slot), size - first);
}

/* One try: [*from, written), as far as @size goes. Return: bytes that are valid; they begin at
 * *from. */
static size_t ring_try(const RingSet *set, uint32_t slot, uint64_t *from, uint64_t written,
                       char *buffer, size_t size)
{
        const RingMeta *meta = slot_meta(set, slot);
        size_t n = MIN_OF(size, (size_t)set->ring_bytes), stale;
        uint64_t valid;

        n = (size_t)MIN_OF((uint64_t)n, written - *from);
        ring_copy(set, slot, *from, buffer, n);
        valid = ring_valid_from(set, meta);
        if (valid <= *from)
                return n;
        stale = (size_t)MIN_OF(valid - *from, (uint64_t)n);
        *from += stale;
        memmove(buffer, buffer + stale, n - stale);
        return n - stale;
}

int ring_read(const RingSet *set, uint32_t slot, uint64_t position, void *buffer, size_t size,
              RingView *ret_view)
{
        uint64_t written = 0, from = 0, wanted, valid;
        const RingMeta *meta;
        size_t n = 0;

        if (slot >= LIMIT_SLOTS)
                return -ERANGE;
        meta = slot_meta(set, slot);
        wanted = atomic_load_explicit(&meta->begin, memory_order_acquire);
        wanted = MAX_OF(wanted, position);
        for (unsigned tries = 0; n == 0 && tries < RING_READ_TRIES; tries++) {
                written = atomic_load_explicit(&meta->written, memory_order_acquire);
                valid = ring_valid_from(set, meta);
                from = MAX_OF(wanted, valid);
                if (from >= written)
                        break;
                n = ring_try(set, slot, &from, written, buffer, size);
        }
        from = n > 0 ? from : MIN_OF(from, written);
        *ret_view = (RingView){
                .position = from,
                .end = from + n,
                .lost = from > wanted ? from - wanted : 0,
                .dropped = atomic_load_explicit(&meta->dropped, memory_order_relaxed),
                .size = n,
        };
        return 0;
}

void ring_set_followers(RingSet *set, uint32_t count)
{
        atomic_store(&set_head(set)->followers, count);
}

bool ring_has_followers(const RingSet *set)
{
        return atomic_load_explicit(&set_head(set)->followers, memory_order_relaxed) > 0;
}
