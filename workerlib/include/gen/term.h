#pragma once
/*
 * Terms: the values that actors send to one another, in Erlang's external format.
 *
 * A gen_term is a borrowed view of one term, without the version byte 131 that stands before a term
 * in a file or on the wire of Erlang's distribution: so a term within a term is a view like any
 * other, and nesting one is a copy of its bytes. gen_term_from_external() takes the byte off.
 *
 * Terms are built and matched with Erlang syntax and typed holes; libgenworker-terms(3) has the
 * table.
 *
 *      gen_match(term, "{add, ~i}", &n)
 *      gen_term_build(&term, "{ok, #{name => ~s}}", "web")
 *
 * A literal format is compiled once, at its first use at that place, and kept for the life of the
 * process. Every function here reads within the bounds of its term, so that malformed bytes are
 * refused, never followed.
 *
 * Context: any thread, unless a function says otherwise; none blocks, but for memory and files.
 * Stack: up to 8 KiB; gen_term_is_valid() takes 6 KiB more for each fun within the environment of a
 * fun, at most 4, and comparing maps within keys of maps 1 KiB for each of at most 9.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define GEN_ATOM_MAX         1021u /* bytes: 255 characters of UTF-8 and the terminating zero */
#define GEN_DEPTH_MAX        256u  /* containers within containers */
#define GEN_INTEGER_MAX      4096u /* bytes of one integer's magnitude */
#define GEN_REF_WORDS        5u
#define GEN_TERM_BYTES_MAX   (256u * 1024 * 1024)
#define GEN_EXTERNAL_VERSION 131 /* stands before a term outside of gend */

/*
 * A borrowed view of one term. What `~t` yields after `|` in a pattern is a view of the rest of a
 * list, whose header does not exist in memory: gen_term_is_rest() tells, every function takes it,
 * but its @data and @size are for this library only.
 */
typedef struct gen_term {
        const void *data;
        size_t size; /* bytes */
} gen_term;

#ifdef __cplusplus
#define GEN_TERM_NULL (gen_term{NULL, 0})
#else
#define GEN_TERM_NULL ((gen_term){NULL, 0})
#endif

/* The name of a node, kept once for each process, never freed: equal nodes are equal pointers. */
typedef struct gen_node gen_node;

/* NEW_PID_EXT: node, id (the actor), serial (the worker), creation. All zero is nobody. */
typedef struct gen_pid {
        const gen_node *node;
        uint32_t actor;
        uint32_t worker;
        uint32_t creation;
} gen_pid;

/* NEWER_REFERENCE_EXT. All zero is none. */
typedef struct gen_ref {
        const gen_node *node;
        uint32_t creation;
        uint32_t count; /* of words, 1 to GEN_REF_WORDS */
        uint32_t words[GEN_REF_WORDS];
} gen_ref;

typedef enum gen_type {
        GEN_TYPE_NONE = 0, /* no term here */
        GEN_TYPE_INTEGER,
        GEN_TYPE_FLOAT,
        GEN_TYPE_ATOM,
        GEN_TYPE_REF,
        GEN_TYPE_FUN,
        GEN_TYPE_PORT,
        GEN_TYPE_PID,
        GEN_TYPE_TUPLE,
        GEN_TYPE_MAP,
        GEN_TYPE_NIL,  /* the empty list */
        GEN_TYPE_LIST, /* of at least one element */
        GEN_TYPE_BINARY,
        GEN_TYPE_BITSTRING, /* not a whole number of bytes */
        GEN_TYPE_COUNT
} gen_type;

/* ---- nodes, pids, references ---- */

/* gen_node_intern() - the node called @name, "shop@localhost": valid UTF-8, 1 to 255 characters.
 * Return: 0; -EINVAL for another name; -ENOSPC when the process knows 16,384 nodes; -ENOMEM. */
int gen_node_intern(const char *name, const gen_node **ret_node);

/* gen_node_name() - its name, terminated, valid for ever; "" for NULL. */
const char *gen_node_name(const gen_node *node);

/* gen_node_set_local() - which node and creation this process belongs to: its pids and references
 * are written in their short form, "<3.17>", and the short form is read as theirs. Before it is
 * called, short forms are refused. Return: as gen_node_intern(). */
int gen_node_set_local(const char *name, uint32_t creation);

/* gen_pid_equal(), gen_ref_equal() - the same process, the same reference. */
bool gen_pid_equal(gen_pid a, gen_pid b);
bool gen_ref_equal(gen_ref a, gen_ref b);

/* ---- terms as a whole ---- */

/*
 * gen_term_is_valid() - whether @term is one well-formed term and nothing else. To be asked once of
 * every term that comes from another process.
 *
 * Refused: what is cut off or followed by more; nesting above GEN_DEPTH_MAX (maps within keys of
 * maps: 8); atoms that are not UTF-8 or longer than 255 characters; floats that are not finite;
 * integers above GEN_INTEGER_MAX; two equal keys in a map; references of no or more than 5 words;
 * forms that no OTP since 23 writes (old pids, ports, references, floats as text), compressed
 * terms, atom cache references, empty lists in a long form. Funs pass, checked, as values that can
 * be carried and compared but not looked into.
 *
 * Allocates for maps of more than 64 keys only; without memory the answer is no.
 */
bool gen_term_is_valid(gen_term term);

/* gen_term_from_external() - the term behind the version byte, checked by gen_term_is_valid().
 * @ret_term borrows @data. Return: 0; -EBADMSG. */
int gen_term_from_external(const void *data, size_t size, gen_term *ret_term);

/* gen_term_type() - what @term is; GEN_TYPE_NONE for no bytes or an unknown form. */
gen_type gen_term_type(gen_term term);

/* gen_term_is_rest() - whether @term is the rest of a list without a header of its own. */
bool gen_term_is_rest(gen_term term);

/* gen_term_size() - bytes that a copy of @term takes; 0 if it is malformed. */
size_t gen_term_size(gen_term term);

/* gen_term_copy() - a copy in memory of its own, to be released with gen_term_free(). Return: 0;
 * -ENOMEM; -EINVAL for no term. */
int gen_term_copy(gen_term term, gen_term *ret_copy);

/* gen_term_copy_to() - a copy in the caller's memory. Return: 0; -ENOBUFS; -EINVAL. */
int gen_term_copy_to(gen_term term, void *buffer, size_t buffer_size, gen_term *ret_copy);

/* gen_term_free() - release what this library allocated for @term; GEN_TERM_NULL is accepted.
 * Return: GEN_TERM_NULL, to be assigned. */
gen_term gen_term_free(gen_term term);

/* gen_term_equal() - exact equality, Erlang's =:=: 1 is not 1.0; bytes may differ for one value.
 * Malformed terms equal nothing. */
bool gen_term_equal(gen_term a, gen_term b);

/* gen_term_compare() - Erlang's term order: number < atom < reference < fun < port < pid < tuple <
 * map < list < bit string; 1 == 1.0. Of malformed terms the order is some order, without meaning.
 * Return: -1, 0, 1. */
int gen_term_compare(gen_term a, gen_term b);

/* ---- text ---- */

#define GEN_PRINT_PLAIN \
        1u /* lists and binaries as numbers, as io_lib's ~w; else "abc" and <<"abc">> as ~tp */

/*
 * gen_term_print() - write @term as Erlang text, in one line, as io_lib does.
 *
 * What gen_term_parse() reads back to an equal term, funs with an environment excepted. A pid is
 * <WORKER.ACTOR>, one of another node <WORKER.ACTOR@NODE/CREATION>; a reference #Ref<...>, a port
 * #Port<...> likewise.
 *
 * Return: 0; -EBADMSG for a malformed term (what came before it is written); -EIO as @file says.
 */
int gen_term_print(gen_term term, unsigned flags, FILE *file);

/* gen_term_print_to() - into the caller's memory, always terminated. @ret_length, if not NULL:
 * bytes of the whole text, without the zero, also when it did not fit. Return: 0; -ENOBUFS if it
 * was cut off; -EBADMSG. */
int gen_term_print_to(gen_term term, unsigned flags, char *buffer, size_t buffer_size,
                      size_t *ret_length);

/* gen_term_text() - into memory of its own, to be released with free(). Return: 0; -EBADMSG;
 * -ENOMEM. */
int gen_term_text(gen_term term, unsigned flags, char **ret_text);

typedef struct gen_text_fault {
        size_t position;     /* bytes from the start of the text */
        const char *message; /* what is wrong there: "a value is missing"; static */
} gen_text_fault;

/*
 * gen_term_parse() - the term that @size bytes of Erlang text say: no holes, no variables, a full
 * stop at the end is allowed, % starts a comment. "abc" is a list of integers, as in Erlang.
 *
 * @ret_term:     to be released with gen_term_free()
 * @reterr_fault: NULL or set for -EINVAL
 *
 * Return: 0; -EINVAL if it is no term; -EMSGSIZE above GEN_TERM_BYTES_MAX; -ENOMEM.
 */
int gen_term_parse(const char *text, size_t size, gen_term *ret_term, gen_text_fault *reterr_fault);

/* ---- step by step: writing ---- */

/*
 * A builder writes one term, head first: gen_builder_tuple(b, 2) and then its two elements. The
 * first failure stays, and makes all that follows do nothing: it is enough to look at
 * gen_builder_finish(). Context: one thread at a time.
 */
typedef struct gen_builder {
        unsigned char *data;
        size_t size;   /* bytes written */
        size_t room;   /* bytes there are */
        uint64_t open; /* terms still owed; 1 at first */
        int error;     /* 0 or the first failure */
        bool grows;    /* data is its own, from malloc() */
} gen_builder;

/* gen_builder_init() - in memory of its own, up to GEN_TERM_BYTES_MAX; gen_builder_init_fixed() -
 * in the caller's, -ENOBUFS beyond it. */
void gen_builder_init(gen_builder *builder);
void gen_builder_init_fixed(gen_builder *builder, void *buffer, size_t buffer_size);

/* gen_builder_deinit() - release the memory, if it is the builder's own. */
void gen_builder_deinit(gen_builder *builder);

/* gen_builder_reset() - forget what was written, keep the memory. */
void gen_builder_reset(gen_builder *builder);

/* Scalars. @text is terminated UTF-8; an atom has at most 255 characters. A double must be finite.
 * Failures: -EINVAL for a value that no term can hold, -ENOBUFS, -EMSGSIZE, -ENOMEM. */
void gen_builder_int(gen_builder *builder, int64_t value);
void gen_builder_uint(gen_builder *builder, uint64_t value);
void gen_builder_double(gen_builder *builder, double value);
void gen_builder_atom(gen_builder *builder, const char *text);
void gen_builder_text(gen_builder *builder, const char *text); /* a binary */
void gen_builder_binary(gen_builder *builder, const void *data, size_t size);
void gen_builder_pid(gen_builder *builder, gen_pid pid);
void gen_builder_ref(gen_builder *builder, gen_ref ref);

/* gen_builder_term() - a copy of @term as the next value. */
void gen_builder_term(gen_builder *builder, gen_term term);

/* Heads: the elements follow; of a map @pairs times key, value (keys differ: the caller's promise);
 * of a list
 * @count elements and then its tail, which is gen_builder_nil() unless the list is improper. */
void gen_builder_tuple(gen_builder *builder, size_t arity);
void gen_builder_map(gen_builder *builder, size_t pairs);
void gen_builder_list(gen_builder *builder, size_t count);
void gen_builder_nil(gen_builder *builder);

/* gen_builder_list_open() - a list whose length is known afterwards: its elements follow, then
 * gen_builder_list_close() with the @mark and their @count. The list ends properly. */
size_t gen_builder_list_open(gen_builder *builder);
void gen_builder_list_close(gen_builder *builder, size_t mark, size_t count);

/* gen_builder_finish() - the term, which borrows the builder's memory until the builder is reset,
 * written to or released. Return: 0; the first failure; -EINVAL unless it is exactly one whole
 * term. */
int gen_builder_finish(gen_builder *builder, gen_term *ret_term);

/* ---- step by step: reading ---- */

/*
 * A reader walks a term in the order in which a builder writes it. A step that fails does not move
 * it: -EINVAL: a term of another type; -ERANGE: it does not fit; -ENODATA: at the end; -EBADMSG:
 * malformed. Context: one thread at a time. Its fields are the library's.
 */
typedef struct gen_reader {
        const unsigned char *at;
        const unsigned char *end;
        size_t string_left; /* elements of a list of bytes not yet read */
        unsigned mode;
} gen_reader;

void gen_reader_init(gen_reader *reader, gen_term term);

/* gen_reader_type() - of the next term; GEN_TYPE_NONE at the end. */
gen_type gen_reader_type(const gen_reader *reader);

int gen_reader_int(gen_reader *reader, int64_t *ret_value);
int gen_reader_uint(gen_reader *reader, uint64_t *ret_value);
int gen_reader_double(gen_reader *reader, double *ret_value);
/* @ret_text: GEN_ATOM_MAX bytes, terminated; -EINVAL for an atom with a zero character. */
int gen_reader_atom(gen_reader *reader, char *ret_text);
/* @ret_data borrows the term. */
int gen_reader_binary(gen_reader *reader, const void **ret_data, size_t *ret_size);
int gen_reader_pid(gen_reader *reader, gen_pid *ret_pid);
int gen_reader_ref(gen_reader *reader, gen_ref *ret_ref);
/* The head; the elements come next, of a list its tail after them. */
int gen_reader_tuple(gen_reader *reader, size_t *ret_arity);
int gen_reader_map(gen_reader *reader, size_t *ret_pairs);
int gen_reader_list(gen_reader *reader, size_t *ret_count);
int gen_reader_nil(gen_reader *reader);
/* gen_reader_term() - the next term, whatever it is, as a view; gen_reader_skip() - past it. */
int gen_reader_term(gen_reader *reader, gen_term *ret_term);
int gen_reader_skip(gen_reader *reader);

/* ---- building and matching with formats ---- */

/*
 * gen_term_build() - a term in memory of its own, to be released with gen_term_free().
 * gen_term_build_in() - in the caller's memory.
 * gen_builder_build() - as the next value of a builder.
 *
 *      ~i int64_t   ~u uint64_t   ~d double   ~a const char *, an atom   ~s const char *, UTF-8, a
 * binary ~b const void *, size_t, a binary   ~p gen_pid   ~r gen_ref   ~t gen_term
 *
 * In C, integers of any other type are widened; in C++ they have to be of exactly these types.
 *
 * Return: 0; -EINVAL for a value that no term can hold (not UTF-8, an atom too long, no number, no
 * pid, two equal keys); -ENOBUFS, -EMSGSIZE, -ENOMEM. A wrong format is a fault of the program: see
 * gen_set_format_handler().
 *
 * gen_match() - whether all of @term matches; @term is borrowed by what it yields.
 *
 *      ~i int64_t *, any integer that fits   ~u uint64_t *   ~d double *, floats only
 *      ~a char[GEN_ATOM_MAX]   ~s const char **, size_t *, a binary of UTF-8, not terminated
 *      ~b const void **, size_t *   ~p gen_pid *   ~r gen_ref *   ~t gen_term *   ~_ anything
 *
 * Outputs are set if all matched, and else untouched. `[H | ~t]` splits a list, `#{key := pattern}`
 * asks for some keys of a map. Malformed bytes do not match.
 */
int(gen_term_build)(gen_term *ret_term, const char *format, ...);
int(gen_term_build_in)(void *buffer, size_t buffer_size, gen_term *ret_term, const char *format,
                       ...);
int(gen_builder_build)(gen_builder *builder, const char *format, ...);
bool(gen_match)(gen_term term, const char *format, ...);

/*
 * gen_set_format_handler() - who is told of a format that is itself wrong. The default, NULL,
 * writes the format, the place and the fault to stderr and calls abort(). If a handler returns,
 * building fails with -EINVAL and matching is false. Context: before there are other threads.
 */
typedef void gen_format_handler(const char *format, size_t position, const char *message);
void gen_set_format_handler(gen_format_handler *handler);

/* One place in a program where a literal format stands: the format, compiled. Zero at first. */
typedef struct gen_site {
        const void *program;
} gen_site;

/* For the macros below, and for functions of one's own that take a format: @site may be NULL. */
int gen_builder_build_at(gen_site *site, gen_builder *builder, const char *format, ...);
int gen_term_build_at(gen_site *site, gen_term *ret_term, const char *format, ...);
int gen_term_build_in_at(gen_site *site, void *buffer, size_t buffer_size, gen_term *ret_term,
                         const char *format, ...);
bool gen_match_at(gen_site *site, gen_term term, const char *format, ...);
int gen_builder_vbuild(gen_site *site, gen_builder *builder, const char *format, va_list args);
bool gen_vmatch(gen_site *site, gen_term term, const char *format, va_list args);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#include <gen/format.h>
