#pragma once
/*
 * Erlang's text of terms, read from left to right without recursion. What is read goes to a sink,
 * piece by piece, in the order in which a term is written: so the same reader serves
 * gen_term_parse(), the formats of building, and patterns.
 */

#include <gen/term.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum TextKind {
        TEXT_KIND_NONE = 0,
        TEXT_KIND_TUPLE,
        TEXT_KIND_LIST,
        TEXT_KIND_MAP,
        TEXT_KIND_COUNT
} TextKind;

/* Where in its container a value stands. */
typedef enum TextPlace {
        TEXT_PLACE_NONE = 0,
        TEXT_PLACE_ALONE, /* the whole text */
        TEXT_PLACE_ELEMENT,
        TEXT_PLACE_TAIL, /* behind | */
        TEXT_PLACE_KEY,
        TEXT_PLACE_VALUE,
        TEXT_PLACE_COUNT
} TextPlace;

/*
 * Each returns NULL, or what is wrong with that. A list that has elements is closed with @has_tail
 * false, and [] then is its tail, unless a tail was given; the empty list is a leaf.
 */
typedef struct TextSink {
        /* A value comes next. Before every value, also those in open containers. */
        const char *(*place)(void *sink, TextPlace place);
        /* A scalar, as the @size bytes of a term. */
        const char *(*leaf)(void *sink, const uint8_t *term, size_t size);
        /* ~@letter; NULL if there are no holes. */
        const char *(*hole)(void *sink, char letter);
        const char *(*open)(void *sink, TextKind kind);
        const char *(*close)(void *sink, TextKind kind, uint32_t count, bool has_tail);
        /* The operator between key and value. */
        const char *(*arrow)(void *sink, bool is_match);
} TextSink;

/* text_read() - all of @text to @sink. Return: 0; -EINVAL with *reterr_fault set; -ENOMEM;
 * -EMSGSIZE. */
int text_read(const char *text, size_t size, const TextSink *sink, void *data,
              gen_text_fault *reterr_fault);

/* The sink of gen_term_parse() and of formats: terms go to a builder, whose count of open terms is
 * not looked at. */
typedef struct TextBuild {
        gen_builder *builder;
        size_t marks[GEN_DEPTH_MAX];
        size_t depth;
} TextBuild;

const char *text_build_leaf(void *sink, const uint8_t *term, size_t size);
const char *text_build_open(void *sink, TextKind kind);
const char *text_build_close(void *sink, TextKind kind, uint32_t count, bool has_tail);
