#pragma once
/*
 * Ownership in the type system, as far as C lets it: an owner is declared with _cleanup_(fn), and
 * leaves its scope alive only through steal_ptr() or steal_fd(). Every fn accepts the null value.
 */

#include <dirent.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn)     __attribute__((cleanup(fn)))
#define _printf_(fmt, va) __attribute__((format(printf, fmt, va)))
#define _unused_          __attribute__((unused))

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

#define MIN_OF(a, b)                    \
        __extension__({                 \
                __typeof__(a) a_ = (a); \
                __typeof__(b) b_ = (b); \
                a_ < b_ ? a_ : b_;      \
        })
#define MAX_OF(a, b)                    \
        __extension__({                 \
                __typeof__(a) a_ = (a); \
                __typeof__(b) b_ = (b); \
                a_ > b_ ? a_ : b_;      \
        })

/* The pointer moves to the caller; the variable is NULL afterwards. */
#define steal_ptr(ptr)                           \
        __extension__({                          \
                __typeof__(ptr) stolen_ = (ptr); \
                (ptr) = NULL;                    \
                stolen_;                         \
        })

static inline int steal_fd(int *fd)
{
        int stolen = *fd;

        *fd = -1;
        return stolen;
}

/* close_fd() - close @fd if it is one; errno is left as it was. Return: -1, to be assigned. */
int close_fd(int fd);

static inline void closep(int *fd)
{
        *fd = close_fd(*fd);
}

static inline void freep(void *ptr)
{
        free(*(void **)ptr);
}

static inline void fclosep(FILE **file)
{
        if (*file)
                (void)fclose(*file);
}

static inline void closedirp(DIR **dir)
{
        if (*dir)
                (void)closedir(*dir);
}

/* DEFINE_CLEANUP(Type *, type_free) defines type_freep() for _cleanup_(type_freep). */
#define DEFINE_CLEANUP(type, fn)              \
        static inline void fn##p(type *owner) \
        {                                     \
                if (*owner)                   \
                        (void)fn(*owner);     \
        }                                     \
        struct cleanup_needs_a_semicolon_
