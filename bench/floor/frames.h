// Frames of both protocols as the floor sees them: found, taken apart, written. The wire formats
// are those of docs/mmtp.md and of core/codec/bolt/types.ts. Nothing here knows sockets.

#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

// LIMIT: the longest frame taken from either side.
enum { FRAME_BYTES_MAX = 1024 * 1024 };

// LIMIT: requests one client may have open, as INIT_ACK says; the gateway's own default.
enum { STREAMS_MAX = 4096 };

enum mmtp_type {
  MMTP_INIT = 0,
  MMTP_INIT_ACK = 1,
  MMTP_REQUEST = 5,
  MMTP_RESPONSE = 6,
  MMTP_PING = 9,
  MMTP_PONG = 10,
};

enum result_code {
  RESULT_SUCCESS = 1000,
  RESULT_LIMITED = 1002,
  RESULT_OPERATION_MISSING = 3000,
  RESULT_BACKEND_FAILED = 4002,
};

// Whether a frame was found at the front of some bytes.
enum found { FOUND_MALFORMED = -1, FOUND_PART = 0, FOUND_FRAME = 1 };

// A Mmtp frame in received bytes. `meta` and `body` point into them.
struct mmtp_frame {
  uint8_t type;
  uint32_t stream;
  size_t frame_bytes;
  const uint8_t *meta;
  size_t meta_bytes;
  const uint8_t *body;
  size_t body_bytes;
};

// What a Bolt request takes from the meta of a REQUEST.
struct request_meta {
  const uint8_t *operation;
  size_t operation_bytes;
  bool has_session;
};

// A Bolt frame in received bytes. `content` points into them.
struct bolt_frame {
  bool is_response;
  uint32_t request_id;
  uint16_t status;
  size_t frame_bytes;
  const uint8_t *content;
  size_t content_bytes;
};

// What all Bolt requests have in common, laid out once.
struct bolt_template {
  uint8_t bytes[1024];
  size_t length;
};

enum found find_mmtp(const uint8_t *bytes, size_t count, struct mmtp_frame *frame);

// Walks the TLVs of a REQUEST; false when they overrun the meta or their numbers are too long.
bool read_request_meta(const struct mmtp_frame *frame, struct request_meta *meta);

void append_init_ack(struct buffer *out);
void append_pong(struct buffer *out, const struct mmtp_frame *ping);
void append_response(struct buffer *out, uint32_t stream, enum result_code result,
                     const uint8_t *body, size_t body_bytes);

enum found find_bolt(const uint8_t *bytes, size_t count, struct bolt_frame *frame);

// False when the names are too long for a template.
bool make_bolt_template(struct bolt_template *template, const char *service, const char *method);

void append_bolt_request(struct buffer *out, const struct bolt_template *template,
                         uint32_t request_id, const struct request_meta *meta,
                         const uint8_t *body, size_t body_bytes);

#endif
