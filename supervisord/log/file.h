#pragma once
/*
 * Log files: appended to, rotated by size, shared by all streams that name the same path. Nothing
 * that happens to a file stops its streams: what cannot be written is dropped and counted, and the
 * next bytes are tried again.
 *
 * A file is FILE, then FILE.1 (the youngest) to FILE.keep. It is rotated between lines where there
 * are lines. The last part of the path must not be a symbolic link: the folder may belong to the
 * child.
 *
 * Context: loop. Blocks as long as the file system does.
 */

#include "base/list.h"
#include "supervisord/log/complaint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILE_KEEP_MAX 1000u /* rotated files of one log */

typedef struct LogFile {
        ListNode node; /* in the table */
        char *path;
        unsigned refs;
        int fd;                /* -1: not open; tried again from retry_usec on */
        uint64_t size;         /* as of file_prepare() */
        uint64_t rotate_bytes; /* 0: never */
        uint32_t keep;
        bool is_regular;   /* others are never rotated */
        bool ends_line;    /* the last byte written was a newline, or none was */
        bool has_gap;      /* something was dropped since */
        usec_t retry_usec; /* opening or rotating failed: not again before */
        Complaint complaint;
} LogFile;

typedef struct FileTable {
        ListNode files;
} FileTable;

void file_table_init(FileTable *table);

/**
 * file_ref() - the file at @path, open if that is possible
 * @rotate_bytes, @keep: for all who share the file; the latest word counts
 * @ret_file: give back with file_unref()
 *
 * Return: 0, also when the file cannot be opened now (that is logged); -ENOMEM.
 */
int file_ref(FileTable *table, const char *path, uint64_t rotate_bytes, uint32_t keep,
             LogFile **ret_file);

/* file_unref() - the last one closes. Return: NULL. */
LogFile *file_unref(LogFile *file);

/* file_reopen_all() - close and open again: somebody else has rotated them. */
void file_reopen_all(FileTable *table);

/**
 * file_prepare() - make ready for @data: open, rotate
 *
 * Return: how many bytes of @data are to be written before it is asked again; at least 1.
 */
size_t file_prepare(LogFile *file, const char *data, size_t size);

/* file_write() - Return: bytes written; the others are dropped, and that is logged now and then. */
size_t file_write(LogFile *file, const char *data, size_t size);
