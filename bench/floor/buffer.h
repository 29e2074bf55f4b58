// Bytes that wait to be written: one growing block, appended at the end, taken from the front.
// Invariant: sent <= length <= capacity. Running out of memory ends the process: a benchmark peer
// has nobody to tell.

#ifndef BUFFER_H
#define BUFFER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct buffer {
  uint8_t *bytes;
  size_t length;
  size_t sent;
  size_t capacity;
};

// LIMIT: an empty buffer larger than this gives its memory back.
enum { BUFFER_KEPT_BYTES = 1024 * 1024, BUFFER_FIRST_BYTES = 4096 };

static inline size_t buffer_waiting(const struct buffer *buffer) {
  return buffer->length - buffer->sent;
}

// Makes room for `count` more bytes and answers where they go; the caller fills all of them.
static inline uint8_t *buffer_reserve(struct buffer *buffer, size_t count) {
  size_t needed = buffer->length + count;
  if (needed > buffer->capacity) {
    size_t capacity = buffer->capacity > 0 ? buffer->capacity : BUFFER_FIRST_BYTES;
    while (capacity < needed) capacity *= 2;
    uint8_t *bytes = realloc(buffer->bytes, capacity);
    if (bytes == NULL) {
      fputs("floor: out of memory\n", stderr);
      exit(EXIT_FAILURE);
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
  }
  uint8_t *at = buffer->bytes + buffer->length;
  buffer->length = needed;
  return at;
}

static inline void buffer_free(struct buffer *buffer) {
  free(buffer->bytes);
  *buffer = (struct buffer){0};
}

// Forgets `count` bytes at the front, which were written.
static inline void buffer_take(struct buffer *buffer, size_t count) {
  buffer->sent += count;
  if (buffer->sent < buffer->length) return;
  buffer->length = buffer->sent = 0;
  if (buffer->capacity > BUFFER_KEPT_BYTES) buffer_free(buffer);
}

// Empties the buffer and keeps a copy of `count` bytes; 0 gives large memory back.
static inline void buffer_keep(struct buffer *buffer, const uint8_t *bytes, size_t count) {
  buffer->length = buffer->sent = 0;
  if (count > 0) memcpy(buffer_reserve(buffer, count), bytes, count);
  else if (buffer->capacity > BUFFER_KEPT_BYTES) buffer_free(buffer);
}

#endif
