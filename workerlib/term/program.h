#pragma once
/*
 * Formats, compiled. A program is made once for each place where a literal format stands, never
 * changed and never freed, so that any thread runs it without a lock.
 */

#include "workerlib/term/etf.h"
#include "workerlib/term/text.h"

#define HOLES_MAX         32u /* of one format */
#define PATTERN_DEPTH_MAX 16u /* open lists and maps of one pattern */

/* What a build program does after @literal bytes. */
typedef struct BuildOp {
        uint32_t literal; /* bytes to copy, from where the last op ended */
        char hole;        /* a letter; 0 at the end */
} BuildOp;

typedef struct BuildProgram {
        const char *format; /* of which it was made */
        uint8_t *bytes;
        size_t op_count;
        bool has_open_keys; /* a hole in a key of a map: keys may turn out equal */
        BuildOp ops[HOLES_MAX + 1];
} BuildProgram;

typedef enum MatchCode {
        MATCH_NONE = 0,
        MATCH_END,     /* the term must end here */
        MATCH_TUPLE,   /* of @size */
        MATCH_ATOM,    /* these bytes, as a small UTF-8 atom */
        MATCH_INTEGER, /* @value */
        MATCH_EQUAL,   /* any other literal */
        MATCH_HOLE,
        MATCH_LIST,  /* a list begins */
        MATCH_NEXT,  /* its next element */
        MATCH_REST,  /* ~t or ~_ behind | */
        MATCH_CLOSE, /* the list ends in [] */
        MATCH_MAP,   /* a map begins */
        MATCH_KEY,   /* find this key; its value comes next */
        MATCH_LEAVE, /* the map ends */
        MATCH_COUNT
} MatchCode;

typedef struct MatchOp {
        uint8_t code;
        char hole;
        uint32_t size;
        union {
                size_t offset;        /* while it is being made */
                const uint8_t *bytes; /* a term, of @size bytes */
                int64_t value;
        };
} MatchOp;

typedef struct MatchProgram {
        const char *format;
        uint8_t *bytes;
        size_t hole_count;
        char holes[HOLES_MAX];
        MatchOp ops[]; /* up to MATCH_END */
} MatchProgram;

/* build_program_new(), match_program_new() - compile @format. Return: 0; -EINVAL if it is wrong,
 * which was reported; -ENOMEM. */
int build_program_new(const char *format, BuildProgram **ret_program);
int match_program_new(const char *format, MatchProgram **ret_program);

/* Free; NULL is accepted. Return: NULL. */
BuildProgram *build_program_free(BuildProgram *program);
MatchProgram *match_program_free(MatchProgram *program);

/* format_wrong() - report a wrong format; returns only if the handler does. */
void format_wrong(const char *format, const gen_text_fault *fault);

/* site_get() - the program cached at @site if it is of @format. site_set() - cache it. Return:
 * whether it is cached now; a second program for one place is its maker's to free. */
static inline const void *site_get(const gen_site *site)
{
        return site ? __atomic_load_n(&site->program, __ATOMIC_ACQUIRE) : NULL;
}

bool site_set(gen_site *site, const void *program);
