/*
 * Nanoseconds a term: build, match, check, beside the same by hand with libei, in the same run.
 *
 *      bench-terms [ROUNDS]
 *
 * Each figure is the least of forty turns of ROUNDS (default 100,000) operations: other load only
 * adds.
 */
#include <gen/term.h>

#include <ei.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

#define TURNS 40

static volatile int64_t sink; /* what a turn computes is used */

static double now_nsec(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static char small_room[64];
static char map_room[256];
static gen_term small_term;
static gen_term map_term;

static void build_small(long i)
{
        gen_term term;

        sink += gen_term_build_in(small_room, sizeof(small_room), &term, "{add, ~i}", i);
}

static void step_small(long i)
{
        gen_builder builder;
        gen_term term;

        gen_builder_init_fixed(&builder, small_room, sizeof(small_room));
        gen_builder_tuple(&builder, 2);
        gen_builder_atom(&builder, "add");
        gen_builder_int(&builder, i);
        sink += gen_builder_finish(&builder, &term);
}

static void ei_small(long i)
{
        int index = 0;

        ei_encode_tuple_header(small_room, &index, 2);
        ei_encode_atom(small_room, &index, "add");
        ei_encode_long(small_room, &index, i);
        sink += index;
}

static ei_x_buff grown;

static void ei_x_small(long i)
{
        grown.index = 0;
        ei_x_encode_tuple_header(&grown, 2);
        ei_x_encode_atom(&grown, "add");
        ei_x_encode_long(&grown, i);
        sink += grown.index;
}

static void match_small(long i)
{
        int64_t number = i;

        if (gen_match(small_term, "{add, ~i}", &number))
                sink += number;
}

static void match_small_fails(long i)
{
        int64_t number = i;

        if (gen_match(small_term, "{sub, ~i}", &number))
                sink += number;
}

static void read_small(long i)
{
        char atom[GEN_ATOM_MAX];
        int64_t number = i;
        gen_reader reader;
        size_t arity;

        gen_reader_init(&reader, small_term);
        if (gen_reader_tuple(&reader, &arity) == 0 && arity == 2 &&
            gen_reader_atom(&reader, atom) == 0 && strcmp(atom, "add") == 0 &&
            gen_reader_int(&reader, &number) == 0)
                sink += number;
}

static void ei_match_small(long i)
{
        char atom[MAXATOMLEN_UTF8];
        int index = 0, arity = 0;
        long number = i;

        if (ei_decode_tuple_header(small_term.data, &index, &arity) == 0 && arity == 2 &&
            ei_decode_atom_as(small_term.data, &index, atom, sizeof(atom), ERLANG_UTF8, NULL,
                              NULL) == 0 &&
            strcmp(atom, "add") == 0 && ei_decode_long(small_term.data, &index, &number) == 0)
                sink += number;
}

static void check_small(long i)
{
        (void)i;
        sink += gen_term_is_valid(small_term);
}

static void build_map(long i)
{
        gen_term term;

        sink += gen_term_build_in(map_room, sizeof(map_room), &term,
                                  "#{id => ~i, name => ~s, price => ~d, tags => ~t, on => true}", i,
                                  "a short name", 2.5, small_term);
}

static void ei_map(long i)
{
        int index = 0;

        ei_encode_map_header(map_room, &index, 5);
        ei_encode_atom(map_room, &index, "id");
        ei_encode_long(map_room, &index, i);
        ei_encode_atom(map_room, &index, "name");
        ei_encode_binary(map_room, &index, "a short name", 12);
        ei_encode_atom(map_room, &index, "price");
        ei_encode_double(map_room, &index, 2.5);
        ei_encode_atom(map_room, &index, "tags");
        memcpy(map_room + index, small_term.data, small_term.size);
        index += (int)small_term.size;
        ei_encode_atom(map_room, &index, "on");
        ei_encode_atom(map_room, &index, "true");
        sink += index;
}

static void match_map(long i)
{
        const char *name = NULL;
        int64_t id = i;
        double price;
        size_t size;
        gen_term tags;

        if (gen_match(map_term, "#{id := ~i, name := ~s, price := ~d, tags := ~t, on := true}", &id,
                      &name, &size, &price, &tags))
                sink += id;
}

/* What one writes by hand: a loop over the pairs, a comparison of the key for each. */
static void ei_match_map(long i)
{
        char key[MAXATOMLEN_UTF8];
        const char *data = map_term.data;
        int index = 0, pairs = 0, on = 0, length, type;
        char name[64];
        double price;
        long id = i, size;

        if (ei_decode_map_header(data, &index, &pairs) != 0)
                return;
        for (int pair = 0; pair < pairs; pair++) {
                if (ei_decode_atom_as(data, &index, key, sizeof(key), ERLANG_UTF8, NULL, NULL) != 0)
                        return;
                if (strcmp(key, "id") == 0) {
                        ei_decode_long(data, &index, &id);
                } else if (strcmp(key, "name") == 0) {
                        if (ei_get_type(data, &index, &type, &length) != 0 ||
                            length > (int)sizeof(name))
                                return;
                        ei_decode_binary(data, &index, name, &size);
                } else if (strcmp(key, "price") == 0) {
                        ei_decode_double(data, &index, &price);
                } else if (strcmp(key, "on") == 0) {
                        ei_decode_boolean(data, &index, &on);
                } else {
                        ei_skip_term(data, &index);
                }
        }
        if (on)
                sink += id;
}

static void check_map(long i)
{
        (void)i;
        sink += gen_term_is_valid(map_term);
}

static void dynamic_small(long i)
{
        char pattern[] = "{add, ~i}";
        int64_t number = i;

        if (gen_match(small_term, pattern, &number))
                sink += number;
}

static const struct {
        const char *name;
        void (*run)(long i);
} figures[] = {
        {"build {add, ~i}", build_small},
        {"  step by step", step_small},
        {"  by hand, ei_encode into a buffer", ei_small},
        {"  by hand, ei_x_encode", ei_x_small},
        {"match {add, ~i}", match_small},
        {"  another atom", match_small_fails},
        {"  step by step", read_small},
        {"  by hand, ei_decode, unchecked", ei_match_small},
        {"  a format that is no literal", dynamic_small},
        {"check {add, ~i}", check_small},
        {"build a map of 5", build_map},
        {"  by hand, ei_encode into a buffer", ei_map},
        {"match a map of 5", match_map},
        {"  by hand, ei_decode, unchecked", ei_match_map},
        {"check a map of 5", check_map},
};

static double measure(void (*run)(long i), long rounds)
{
        double least = 1e18;

        for (int turn = 0; turn < TURNS; turn++) {
                double start = now_nsec(), spent;

                for (long i = 0; i < rounds; i++)
                        run(i & 0xffff);
                spent = (now_nsec() - start) / (double)rounds;
                if (spent < least)
                        least = spent;
        }
        return least;
}

int main(int argc, char *argv[])
{
        long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 100000;

        if (rounds <= 0 || ei_x_new(&grown) != 0 ||
            gen_term_build(&small_term, "{add, ~i}", 70000) != 0 ||
            gen_term_build(&map_term, "#{id => 70000, name => <<\"a short name\">>, price => 2.5, "
                                      "tags => {add, 3}, on => true}") != 0)
                return EXIT_FAILURE;
        for (size_t i = 0; i < ARRAY_LEN(figures); i++)
                printf("%-40s %7.1f ns\n", figures[i].name, measure(figures[i].run, rounds));
        return EXIT_SUCCESS;
}
