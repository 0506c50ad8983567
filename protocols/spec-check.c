/*
 * Owns what concerns several nodes at once: names that stand twice in a list, and what applications
 * require of each other. Works on the JSON, so that a fault elsewhere hides nothing.
 */

#include "protocols/spec-private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct NamePlace {
        const char *name; /* borrowed from the JSON */
        size_t index;     /* in the list */
} NamePlace;

typedef struct NameIndex {
        NamePlace *places; /* by name, then by index */
        size_t count;
} NameIndex;

static int compare_places(const void *a, const void *b)
{
        const NamePlace *left = a, *right = b;
        int order = strcmp(left->name, right->name);

        if (order != 0)
                return order;
        return left->index < right->index ? -1 : left->index > right->index;
}

static void name_index_deinit(NameIndex *index)
{
        free(index->places);
}

static bool name_index_make(SpecReader *reader, json_t *list, NameIndex *index)
{
        size_t i;
        json_t *object;

        index->places = spec_calloc(reader, json_array_size(list), sizeof(index->places[0]));
        if (!index->places)
                return false;
        json_array_foreach(list, i, object)
        {
                const char *name = json_string_value(json_object_get(object, "name"));

                if (name)
                        index->places[index->count++] = (NamePlace){.name = name, .index = i};
        }
        qsort(index->places, index->count, sizeof(index->places[0]), compare_places);
        return true;
}

/* The first in the list that has @name; NULL when none has. */
static const NamePlace *name_index_find(const NameIndex *index, const char *name)
{
        size_t low = 0, high = index->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(index->places[middle].name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == index->count || strcmp(index->places[low].name, name) != 0)
                return NULL;
        return &index->places[low];
}

void spec_check_names(SpecReader *reader, json_t *list)
{
        _cleanup_(name_index_deinit) NameIndex index = {0};

        if (!name_index_make(reader, list, &index))
                return;
        for (size_t i = 1; i < index.count; i++) {
                const NamePlace *first = name_index_find(&index, index.places[i].name);
                size_t mark;

                if (first == &index.places[i])
                        continue;
                mark = spec_path_enter_index(&reader->path, index.places[i].index);
                spec_fault_at_key(
                        reader, "name",
                        "the name \"%.80s\" is taken by number [%zu] of this list: expected "
                        "one of its own",
                        first->name, first->index);
                spec_path_leave(&reader->path, mark);
        }
}

typedef enum Colour {
        COLOUR_WHITE = 0, /* not seen */
        COLOUR_GREY,      /* on the way */
        COLOUR_BLACK,     /* done: leads to no cycle that is not reported */
} Colour;

typedef struct Step {
        size_t app;
        size_t next; /* which of its requirements is looked at next */
} Step;

typedef struct CycleSearch {
        json_t *list;
        NameIndex index;
        Colour *colours;
        Step *steps;
        size_t depth;
} CycleSearch;

static const char *name_of_app(json_t *list, size_t app)
{
        const char *name = json_string_value(json_object_get(json_array_get(list, app), "name"));

        return name ? name : "?";
}

/* "a requires b requires a" */
static void fault_cycle(SpecReader *reader, const CycleSearch *search, size_t again)
{
        char text[700];
        size_t used = 0, from = 0, mark;

        while (search->steps[from].app != again)
                from++;
        for (size_t i = from; i < search->depth && used < sizeof(text) - 2 * LIMIT_NAME_BYTES; i++)
                used += (size_t)snprintf(text + used, sizeof(text) - used, "%.64s requires ",
                                         name_of_app(search->list, search->steps[i].app));
        (void)snprintf(text + used, sizeof(text) - used, "%.64s", name_of_app(search->list, again));

        mark = spec_path_enter_index(&reader->path, search->steps[search->depth - 1].app);
        spec_fault_at_key(reader, "requires", "a cycle: %s; expected an order to start them in",
                          text);
        spec_path_leave(&reader->path, mark);
}

static void search_enter(CycleSearch *search, size_t app)
{
        search->colours[app] = COLOUR_GREY;
        search->steps[search->depth++] = (Step){.app = app};
}

/* Depth first, with a stack of its own: the file decides how deep it gets. */
static void search_from(SpecReader *reader, CycleSearch *search, size_t root)
{
        search_enter(search, root);
        while (search->depth > 0) {
                Step *step = &search->steps[search->depth - 1];
                json_t *requires =
                        json_object_get(json_array_get(search->list, step->app), "requires");
                const char *name = json_string_value(json_array_get(requires, step->next));
                const NamePlace *place;

                if (step->next == json_array_size(requires)) {
                        search->colours[step->app] = COLOUR_BLACK;
                        search->depth--;
                        continue;
                }
                step->next++;
                place = name ? name_index_find(&search->index, name) : NULL;
                if (!place)
                        continue;
                if (search->colours[place->index] == COLOUR_GREY)
                        fault_cycle(reader, search, place->index);
                else if (search->colours[place->index] == COLOUR_WHITE)
                        search_enter(search, place->index);
        }
}

static void check_known(SpecReader *reader, const NameIndex *index, json_t *requires)
{
        size_t i;
        json_t *name;

        json_array_foreach(requires, i, name)
        {
                size_t mark = spec_path_enter_index(&reader->path, i);

                if (json_is_string(name) && !name_index_find(index, json_string_value(name)))
                        spec_expected(reader, name, "the name of an application of this file");
                spec_path_leave(&reader->path, mark);
        }
}

static void cycle_search_deinit(CycleSearch *search)
{
        name_index_deinit(&search->index);
        free(search->colours);
        free(search->steps);
}

void spec_check_requires(SpecReader *reader, json_t *list)
{
        _cleanup_(cycle_search_deinit) CycleSearch search = {.list = list};
        size_t count = json_array_size(list);

        if (!name_index_make(reader, list, &search.index))
                return;
        search.colours = spec_calloc(reader, count, sizeof(search.colours[0]));
        search.steps = spec_calloc(reader, count, sizeof(search.steps[0]));
        if (!search.colours || !search.steps)
                return;
        for (size_t app = 0; app < count; app++) {
                size_t mark = spec_path_enter_index(&reader->path, app);
                size_t inner = spec_path_enter_key(&reader->path, "requires");

                check_known(reader, &search.index,
                            json_object_get(json_array_get(list, app), "requires"));
                spec_path_leave(&reader->path, inner);
                spec_path_leave(&reader->path, mark);
        }
        for (size_t app = 0; app < count; app++)
                if (search.colours[app] == COLOUR_WHITE)
                        search_from(reader, &search, app);
}
