#pragma once
/*
 * Every bound that two processes share, in one place. What exceeds one of these is refused with an
 * error that names the bound; nothing is cut off silently.
 */

/* The tree. */
#define LIMIT_TREE_FILE_BYTES (16u * 1024 * 1024)
#define LIMIT_JSON_DEPTH      64u
#define LIMIT_NAME_BYTES      64u  /* one name, without the terminating zero */
#define LIMIT_PATH_BYTES      511u /* a path in the tree, "shop/front/web" */
#define LIMIT_TREE_DEPTH      16u
#define LIMIT_SLOTS           16384u /* OS processes at once; a slot is a row in the kernel's table */
#define LIMIT_INTENSITY       10000u
#define LIMIT_INSTANCES       4096u
#define LIMIT_FAULTS          100u /* faults of one tree file that are listed */

/* One process. */
#define LIMIT_SPAWN_BYTES  (1024u * 1024) /* the sealed spawn specification */
#define LIMIT_ARGS         4096u
#define LIMIT_ENV          4096u
#define LIMIT_SOCKETS      16u   /* handed over to one child */
#define LIMIT_LISTENERS    1024u /* held by the kernel */
#define LIMIT_GROUPS       64u   /* supplementary groups */
#define LIMIT_STATUS_BYTES 160u  /* STATUS= of a child */

/* Messages. */
#define LIMIT_REQUEST_BYTES (1024u * 1024)      /* one JSON-RPC request */
#define LIMIT_REPLY_BYTES   (64u * 1024 * 1024) /* one JSON-RPC reply */
#define LIMIT_REQUESTS      512u                /* requests that wait for their answer */
#define LIMIT_NOTIFY_BYTES  4096u               /* one datagram on NOTIFY_SOCKET */
#define LIMIT_EVENTS        1000u               /* events kept for late readers */

/* Logs. */
#define LOG_RING_BYTES_DEFAULT (64u * 1024)
#define LIMIT_LOG_LINE_BYTES   (16u * 1024) /* a longer line is split */
