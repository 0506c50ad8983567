#pragma once
/*
 * The bytes of nanomsg's scalability protocols over an IPC stream, as nng writes them: a greeting
 * of 8 bytes from each side, then frames of one type byte, a 64-bit length and the body. Pure;
 * whoever reads gives the bound.
 */

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define SP_HELLO_BYTES 8u
#define SP_HEAD_BYTES  9u

#define SP_PROTOCOL_PUSH 0x50u
#define SP_PROTOCOL_PULL 0x51u
#define SP_PROTOCOL_REQ  0x30u
#define SP_PROTOCOL_REP  0x31u

/* A request starts with the ids of the hops it came over; the last one has this bit. */
#define SP_REQUEST_ID_BIT 0x80000000u
#define SP_HOPS_MAX       15u

static inline void sp_hello_write(unsigned char hello[static SP_HELLO_BYTES], uint16_t protocol)
{
        const unsigned char bytes[SP_HELLO_BYTES] = {
                0, 'S', 'P', 0, (unsigned char)(protocol >> 8), (unsigned char)protocol, 0, 0,
        };

        memcpy(hello, bytes, sizeof(bytes));
}

/* Return: 0 when the peer speaks @protocol; -EPROTO. */
static inline int sp_hello_check(const unsigned char hello[static SP_HELLO_BYTES],
                                 uint16_t protocol)
{
        unsigned char wanted[SP_HELLO_BYTES];

        sp_hello_write(wanted, protocol);
        return memcmp(hello, wanted, sizeof(wanted)) == 0 ? 0 : -EPROTO;
}

static inline void sp_head_write(unsigned char head[static SP_HEAD_BYTES], uint64_t body_bytes)
{
        head[0] = 1;
        for (unsigned i = 0; i < 8; i++)
                head[1 + i] = (unsigned char)(body_bytes >> (56 - 8 * i));
}

/* Return: 0; -EPROTO for another type; -EMSGSIZE above @body_bytes_max. */
static inline int sp_head_read(const unsigned char head[static SP_HEAD_BYTES],
                               uint64_t body_bytes_max, uint64_t *ret_body_bytes)
{
        uint64_t bytes = 0;

        if (head[0] != 1)
                return -EPROTO;
        for (unsigned i = 0; i < 8; i++)
                bytes = bytes << 8 | head[1 + i];
        if (bytes > body_bytes_max)
                return -EMSGSIZE;
        *ret_body_bytes = bytes;
        return 0;
}

/* sp_hops_bytes() - how much of a request's body is its way back. Return: 0 when it has no end. */
static inline size_t sp_hops_bytes(const unsigned char *body, size_t size)
{
        for (size_t at = 0; at + 4 <= size && at < SP_HOPS_MAX * 4u; at += 4)
                if (body[at] & 0x80)
                        return at + 4;
        return 0;
}
