/*
 * Owns the texts of the tree file that are kept: names, environments, paths. Knows nothing of
 * nodes.
 */

#include "protocols/spec-private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *spec_strdup(SpecReader *reader, const char *text)
{
        char *copy = strdup(text);

        if (!copy)
                reader->is_out_of_memory = true;
        return copy;
}

void *spec_calloc(SpecReader *reader, size_t count, size_t size)
{
        void *memory = calloc(count > 0 ? count : 1, size);

        if (!memory)
                reader->is_out_of_memory = true;
        return memory;
}

void spec_set_text(SpecReader *reader, char **field, const char *text)
{
        free(*field);
        *field = spec_strdup(reader, text);
}

char *spec_resolve(SpecReader *reader, const char *path)
{
        char *absolute = NULL;

        if (path[0] == '/')
                return spec_strdup(reader, path);
        while (path[0] == '.' && path[1] == '/')
                path += 2;
        if (asprintf(&absolute, "%s%s%s", reader->folder,
                     reader->folder[strlen(reader->folder) - 1] == '/' ? "" : "/", path) < 0) {
                reader->is_out_of_memory = true;
                return NULL;
        }
        return absolute;
}

/* White space, controls and invisible marks of Unicode, at @text, which is valid UTF-8. */
static bool is_unseen(const unsigned char *text)
{
        if (text[0] <= ' ' || text[0] == 0x7f)
                return true;
        if (text[0] == 0xc2) /* C1 controls, no-break space, soft hyphen */
                return text[1] <= 0xa0 || text[1] == 0xad;
        if (text[0] == 0xe2 && text[1] == 0x80) /* spaces, joiners, direction marks */
                return text[2] <= 0x8f || (text[2] >= 0xa8 && text[2] <= 0xaf);
        if (text[0] == 0xe2 && text[1] == 0x81)
                return text[2] >= 0x9f && text[2] <= 0xaf;
        if (text[0] == 0xe3 && text[1] == 0x80)
                return text[2] == 0x80;
        return text[0] == 0xef && text[1] == 0xbb && text[2] == 0xbf;
}

const char *spec_name_fault(const char *name)
{
        if (!*name)
                return "expected a name of 1 to 64 bytes, found an empty string";
        if (strlen(name) > LIMIT_NAME_BYTES)
                return "this name is too long: expected 1 to 64 bytes";
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return "\".\" and \"..\" are no names: expected something that can stand in a path";
        for (const char *at = name; *at; at++) {
                if (*at == '/')
                        return "a name has no \"/\", which separates the names of a path";
                if (*at == '@')
                        return "a name has no \"@\", which is for the instances NAME@1, NAME@2 ...";
                if (is_unseen((const unsigned char *)at))
                        return "a name has no white space and no control characters";
        }
        return NULL;
}

void spec_row_name(SpecReader *reader, json_t *value, void *field)
{
        const char *name, *fault;

        if (!spec_read_string(reader, value, "a name of 1 to 64 bytes", &name))
                return;
        fault = spec_name_fault(name);
        if (fault)
                spec_fault(reader, "%s", fault);
        else
                spec_set_text(reader, field, name);
}

static bool read_env_var(SpecReader *reader, const char *name, json_t *value)
{
        if (!*name || strchr(name, '=')) {
                spec_fault(reader, "an environment variable's name is not empty and has no \"=\"");
                return false;
        }
        if (json_is_string(value))
                return true;
        spec_expected(reader, value,
                      json_is_object(value) || json_is_array(value) ? "a string"
                                                                    : "a string (in quotes)");
        return false;
}

void spec_row_env(SpecReader *reader, json_t *value, void *field)
{
        EnvList *list = field;
        const char *name;
        json_t *text;

        if (!json_is_object(value)) {
                spec_expected(reader, value, "an object like { \"NAME\": \"value\" }");
                return;
        }
        if (json_object_size(value) > LIMIT_ENV) {
                spec_fault(reader, "%zu variables: expected at most %u", json_object_size(value),
                           LIMIT_ENV);
                return;
        }
        if (json_object_size(value) == 0)
                return;
        list->vars = spec_calloc(reader, json_object_size(value), sizeof(list->vars[0]));
        if (!list->vars)
                return;
        json_object_foreach(value, name, text)
        {
                size_t mark = spec_path_enter_key(&reader->path, name);

                if (read_env_var(reader, name, text)) {
                        list->vars[list->count++] = (EnvVar){
                                .name = spec_strdup(reader, name),
                                .value = spec_strdup(reader, json_string_value(text)),
                        };
                }
                spec_path_leave(&reader->path, mark);
        }
}
