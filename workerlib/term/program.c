/* Where programs are cached, and who is told of a wrong format. */
#include "workerlib/term/program.h"

#include <stdio.h>
#include <stdlib.h>

static gen_format_handler *format_handler;

void gen_set_format_handler(gen_format_handler *handler)
{
        __atomic_store_n(&format_handler, handler, __ATOMIC_RELEASE);
}

void format_wrong(const char *format, const gen_text_fault *fault)
{
        gen_format_handler *handler = __atomic_load_n(&format_handler, __ATOMIC_ACQUIRE);

        if (handler) {
                handler(format, fault->position, fault->message);
                return;
        }
        fprintf(stderr, "libgenworker: wrong format: %s\n%s\n%*s^ here\n", fault->message, format,
                (int)fault->position, "");
        abort();
}

bool site_set(gen_site *site, const void *program)
{
        const void *none = NULL;

        return site && __atomic_compare_exchange_n(&site->program, &none, program, false,
                                                   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
