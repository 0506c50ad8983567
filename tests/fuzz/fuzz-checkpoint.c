/*
 * The checkpoint's reader against any bytes: as they come, and, so that more than the checksum is
 * met, as the entries of a batch that is otherwise right. Whatever comes: an answer; a tree that is
 * taken can be walked, written anew and read again.
 */

#include "supervisord/supervisor/checkpoint.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int memory_file(const void *data, size_t size)
{
        int fd = memfd_create("fuzz", MFD_CLOEXEC);

        assert(fd >= 0);
        assert(write(fd, data, size) == (ssize_t)size);
        return fd;
}

/* Return: the answer; @again: what was read is written and read once more. */
static int load(int fd, bool again)
{
        static EventLog events;
        Checkpoint checkpoint;
        Tree *tree = NULL;
        int copy, r;

        r = checkpoint_load(&checkpoint, &fd, &tree, &events);
        assert((r == 0) == (tree != NULL));
        if (tree && again) {
                for (Node *node = tree_next(tree, NULL); node; node = tree_next(tree, node))
                        assert(tree->nodes[node->id] == node);
                assert(checkpoint_snapshot(&checkpoint, tree, &events, &copy) == 0);
                copy = dup(copy);
                assert(copy >= 0 && load(copy, false) == 0);
        }
        tree_free(tree);
        checkpoint_deinit(&checkpoint);
        event_log_deinit(&events);
        events.last_seq = 0;
        return r;
}

/* The heads of checkpoint.c, which keeps them to itself. */
static void load_as_batch(const uint8_t *data, size_t size)
{
        uint64_t hash = UINT64_C(14695981039346656037);
        uint64_t heads[5] = {UINT64_C(0x31746e6f70636867), sizeof(Life)};
        Buffer file = BUFFER_NULL;

        size -= size % 8;
        heads[3] = 1;
        heads[4] = size;
        hash ^= heads[3] ^ (heads[4] << 20);
        for (size_t i = 0; i < size; i++)
                hash = (hash ^ data[i]) * UINT64_C(1099511628211);
        heads[2] = hash;
        buffer_append(&file, heads, sizeof(heads));
        buffer_append(&file, data, size);
        (void)load(memory_file(file.data, file.size), true);
        buffer_deinit(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size == 0)
                return 0;
        (void)load(memory_file(data, size), true);
        load_as_batch(data, size);
        return 0;
}
