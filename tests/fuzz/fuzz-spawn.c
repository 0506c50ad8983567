/*
 * Any bytes as a spawn block: refused, or a specification whose every pointer ends inside the
 * block.
 */

#include "tests/fuzz/replay.h"

#include <stdlib.h>
#include <string.h>

#include "protocols/spawn.h"

/* Reads everything that the kernel would; the sanitizer watches. */
static size_t touch(const SpawnSpec *spec)
{
        size_t sum = strlen(spec->path) + strlen(spec->file);

        for (size_t i = 0; spec->argv[i]; i++)
                sum += strlen(spec->argv[i]);
        for (size_t i = 0; spec->envp[i]; i++)
                sum += strlen(spec->envp[i]);
        for (size_t i = 0; i < spec->group_count; i++)
                sum += spec->groups[i];
        for (size_t i = 0; i < spec->socket_count; i++)
                sum += strlen(spec->sockets[i].name) + spec->sockets[i].address_len;
        sum += spec->cwd ? strlen(spec->cwd) : 0;
        sum += spec->out_file ? strlen(spec->out_file) : 0;
        sum += spec->err_file ? strlen(spec->err_file) : 0;
        return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        SpawnBlock block = SPAWN_BLOCK_NULL;
        volatile size_t sum = 0;
        void *copy = malloc(size > 0 ? size : 1);

        if (!copy)
                return 0;
        memcpy(copy, data, size);
        if (spawn_block_parse(&copy, size, &block) == 0)
                sum += touch(&block.spec);
        spawn_block_deinit(&block);
        free(copy);
        return sum > SIZE_MAX / 2;
}
