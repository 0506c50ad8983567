/*
 * Line splitting: whatever arrives in whatever pieces, the lines put together again are the input,
 * and none is longer than allowed. The first byte of each piece is its length.
 */
#include "tests/fuzz/replay.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "protocols/limits.h"
#include "supervisord/log/lines.h"

typedef struct Joined {
        char *text;
        size_t size;
        size_t capacity;
} Joined;

static void on_line(void *userdata, const Line *line)
{
        Joined *joined = userdata;

        if (line->size > LIMIT_LOG_LINE_BYTES)
                abort();
        if (!line->is_continuation && joined->size > 0)
                joined->text[joined->size++] = '\n';
        if (joined->size + line->size > joined->capacity)
                abort();
        memcpy(joined->text + joined->size, line->text, line->size);
        joined->size += line->size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Joined joined = {.capacity = size * 256 + 2};
        _cleanup_(freep) char *text = joined.text = malloc(joined.capacity);
        _cleanup_(freep) char *input = malloc(joined.capacity);
        Lines lines = LINES_NULL;
        size_t fed = 0;

        if (!text || !input)
                return 0;
        /* A first line that is not empty tells the joints apart; long pieces reach the limit. */
        input[fed++] = 'a';
        lines_feed(&lines, "a", 1, on_line, &joined);
        for (size_t at = 0; at < size;) {
                size_t piece = MIN_OF((size_t)data[at], size - at - 1);
                size_t times = piece == 0 ? 200 : 1;

                at++;
                if (piece == 0) {
                        memset(input + fed, 'x', times);
                        piece = times;
                } else {
                        memcpy(input + fed, data + at, piece);
                        at += piece;
                }
                lines_feed(&lines, input + fed, piece, on_line, &joined);
                fed += piece;
        }
        lines_flush(&lines, on_line, &joined);
        lines_deinit(&lines);
        if (input[fed - 1] == '\n')
                fed--; /* the end of the last line begins no other */
        if (joined.size != fed || memcmp(joined.text, input, fed) != 0)
                abort();
        return 0;
}
