#pragma once
/* Shared by text.c and text-scalar.c only. */

#include "workerlib/term/etf.h"
#include "workerlib/term/text.h"

typedef struct TextFrame {
        TextKind kind;
        TextPlace place; /* of the value that was read last, or comes next */
        uint32_t count;
} TextFrame;

typedef struct TextReader {
        const char *start;
        const char *at;
        const char *end;
        const TextSink *sink;
        void *data;
        bool wants_value;
        size_t depth;
        gen_text_fault fault;
        gen_builder scalar; /* the term of the scalar being read */
        TextFrame frames[GEN_DEPTH_MAX];
} TextReader;

/* text_skip_space() - and comments. */
void text_skip_space(TextReader *reader);

/* text_fault() - note what is wrong at @at. Return: -EINVAL. */
int text_fault(TextReader *reader, const char *at, const char *message);

/* text_take() - past @word, if it comes next. */
bool text_take(TextReader *reader, const char *word);

/* text_read_scalar() - the scalar at reader->at, into reader->scalar, which is empty. Failures of
 * the builder stay in it. Return: 0; -EINVAL with the fault noted; -ENOMEM. */
int text_read_scalar(TextReader *reader);
