/*
 * Owns who a process runs as: users and groups by name, looked up in the system when the file is
 * read, so that a name that does not exist is a fault of the file and not of a start at night.
 */

#include "protocols/spec-private.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Return: 0; -ENOENT when there is none; what the name service said. */
static int find_user(const char *name, uint32_t *ret_uid, uint32_t *ret_gid)
{
        struct passwd entry, *found = NULL;
        size_t size = 4096;
        int r;

        do {
                _cleanup_(freep) char *buffer = malloc(size);

                if (!buffer)
                        return -ENOMEM;
                r = -getpwnam_r(name, &entry, buffer, size, &found);
                size *= 2;
        } while (r == -ERANGE && size <= LIMIT_SPAWN_BYTES);
        if (!found)
                return r < 0 ? r : -ENOENT;
        *ret_uid = entry.pw_uid;
        *ret_gid = entry.pw_gid;
        return 0;
}

static int find_group(const char *name, uint32_t *ret_gid)
{
        struct group entry, *found = NULL;
        size_t size = 4096;
        int r;

        do {
                _cleanup_(freep) char *buffer = malloc(size);

                if (!buffer)
                        return -ENOMEM;
                r = -getgrnam_r(name, &entry, buffer, size, &found);
                size *= 2;
        } while (r == -ERANGE && size <= LIMIT_SPAWN_BYTES);
        if (!found)
                return r < 0 ? r : -ENOENT;
        *ret_gid = entry.gr_gid;
        return 0;
}

void spec_row_user(SpecReader *reader, json_t *value, void *field)
{
        ProcessSpec *process = field;
        const char *name;

        if (!spec_read_string(reader, value, "the name of a user", &name))
                return;
        if (strcmp(name, reader->last_user) != 0 || !*name) {
                reader->last_uid = reader->last_gid = SPAWN_ID_INHERIT;
                if (!*name || strlen(name) > LIMIT_NAME_BYTES ||
                    (find_user(name, &reader->last_uid, &reader->last_gid) < 0 &&
                     !reader->was_accepted)) {
                        spec_expected(reader, value, "the name of a user of this system");
                        reader->last_user[0] = '\0';
                        return;
                }
                (void)snprintf(reader->last_user, sizeof(reader->last_user), "%s", name);
        }
        spec_set_text(reader, &process->user, name);
        process->uid = reader->last_uid;
        if (!process->group)
                process->gid = reader->last_gid;
}

void spec_row_group(SpecReader *reader, json_t *value, void *field)
{
        ProcessSpec *process = field;
        const char *name;
        uint32_t gid = SPAWN_ID_INHERIT;

        if (!spec_read_string(reader, value, "the name of a group", &name))
                return;
        if (!*name || strlen(name) > LIMIT_NAME_BYTES ||
            (find_group(name, &gid) < 0 && !reader->was_accepted)) {
                spec_expected(reader, value, "the name of a group of this system");
                return;
        }
        spec_set_text(reader, &process->group, name);
        process->gid = gid;
}
