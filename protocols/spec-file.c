/*
 * Owns the reading of the tree file: a regular file of bounded size, whole, and not half of what an
 * editor is writing just now. Knows nothing of what stands in it.
 */

#include "protocols/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>

#define READ_TRIES 5u

static bool is_same_state(const struct stat *a, const struct stat *b)
{
        return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
               a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ino == b->st_ino &&
               a->st_dev == b->st_dev;
}

/* Return: bytes read, at most @size; a negative errno. */
static ssize_t read_all(int fd, char *text, size_t size)
{
        size_t done = 0;

        while (done < size) {
                ssize_t n = read(fd, text + done, size - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        return (ssize_t)done;
}

/* Return: 0; -EAGAIN when the file changed meanwhile; another negative errno. */
static int read_once(const char *path, char **ret_text, size_t *ret_size)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        _cleanup_(freep) char *text = NULL;
        struct stat before, after;
        ssize_t n;

        if (fd < 0)
                return -errno;
        if (fstat(fd, &before) < 0)
                return -errno;
        if (S_ISDIR(before.st_mode))
                return -EISDIR;
        if (!S_ISREG(before.st_mode))
                return -EINVAL;
        if (before.st_size > (off_t)LIMIT_TREE_FILE_BYTES)
                return -EFBIG;

        /* One byte more than there should be, to see it grow. */
        text = malloc((size_t)before.st_size + 1);
        if (!text)
                return -ENOMEM;
        n = read_all(fd, text, (size_t)before.st_size + 1);
        if (n < 0)
                return (int)n;
        if (stat(path, &after) < 0)
                return errno == ENOENT ? -EAGAIN : -errno;
        if (n != before.st_size || !is_same_state(&before, &after))
                return -EAGAIN;
        text[n] = '\0';
        *ret_text = steal_ptr(text);
        *ret_size = (size_t)n;
        return 0;
}

static int folder_of(const char *path, char **ret_folder)
{
        _cleanup_(freep) char *copy = strdup(path);
        char *folder;

        if (!copy)
                return -ENOMEM;
        folder = realpath(dirname(copy), NULL);
        if (!folder)
                return -errno;
        *ret_folder = folder;
        return 0;
}

int spec_read_file(const char *path, char **ret_text, size_t *ret_size, char **ret_folder)
{
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        int r = -EAGAIN;

        for (unsigned i = 0; i < READ_TRIES && r == -EAGAIN; i++)
                r = read_once(path, &text, &size);
        if (r < 0)
                return r;
        r = folder_of(path, ret_folder);
        if (r < 0)
                return r;
        *ret_text = steal_ptr(text);
        *ret_size = size;
        return 0;
}
