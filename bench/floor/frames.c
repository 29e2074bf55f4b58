// HOT PATH. Finds, takes apart and writes frames. Invariant: no byte outside of what was received
// is read, however lengths lie; after FOUND_FRAME every part lies inside the frame.

#include "frames.h"

#define LITERAL(text) (const uint8_t *)(text), sizeof(text) - 1

enum {
  MMTP_HEADER_BYTES = 16,
  BOLT_REQUEST_HEAD_BYTES = 22,
  BOLT_RESPONSE_HEAD_BYTES = 20,
  BOLT_CODEC_PROTOBUF = 11,
  OPERATION_BYTES_MAX = 128,
  TIMEOUT_MS = 3000,
};

enum field {
  FIELD_OPERATION_TYPE = 1,
  FIELD_SESSION = 4,
  FIELD_RESULT_STATUS = 11,
  FIELD_MAX_STREAMS = 17,
  FIELD_MAX_FRAME_BYTES = 18,
  FIELD_TABLE_SIZE = 25,
  FIELD_CONTENT_TYPE = 32,
};

enum { CONTENT_TYPE_PROTOBUF = 1, CHANNEL_COMMON = 0, CHANNEL_RPC = 1 };

static uint16_t read_u16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }

static uint32_t read_u32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write_u16(uint8_t *at, uint16_t value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void write_u32(uint8_t *at, uint32_t value) {
  write_u16(at, (uint16_t)(value >> 16));
  write_u16(at + 2, (uint16_t)value);
}

enum found find_mmtp(const uint8_t *bytes, size_t count, struct mmtp_frame *frame) {
  if (count < MMTP_HEADER_BYTES) return FOUND_PART;
  if (bytes[0] != 'M' || bytes[1] != 1) return FOUND_MALFORMED;
  size_t frame_bytes = read_u32(bytes + 8);
  size_t meta_bytes = read_u16(bytes + 12);
  if (frame_bytes > FRAME_BYTES_MAX) return FOUND_MALFORMED;
  if (frame_bytes < MMTP_HEADER_BYTES + meta_bytes) return FOUND_MALFORMED;
  if (count < frame_bytes) return FOUND_PART;
  frame->type = bytes[2];
  frame->stream = read_u32(bytes + 4);
  frame->frame_bytes = frame_bytes;
  frame->meta = bytes + MMTP_HEADER_BYTES;
  frame->meta_bytes = meta_bytes;
  frame->body = frame->meta + meta_bytes;
  frame->body_bytes = frame_bytes - MMTP_HEADER_BYTES - meta_bytes;
  return FOUND_FRAME;
}

// Reads a LEB128 number of at most `bytes_max` bytes; NULL when it is longer or overruns `end`.
static const uint8_t *read_varint(const uint8_t *at, const uint8_t *end, int bytes_max,
                                  uint32_t *value) {
  *value = 0;
  for (int i = 0; i < bytes_max && at < end; i++) {
    uint8_t byte = *at++;
    *value |= (uint32_t)(byte & 0x7f) << (7 * i);
    if (byte < 0x80) return at;
  }
  return NULL;
}

bool read_request_meta(const struct mmtp_frame *frame, struct request_meta *meta) {
  const uint8_t *at = frame->meta;
  const uint8_t *end = at + frame->meta_bytes;
  *meta = (struct request_meta){0};
  while (at < end) {
    uint32_t type;
    uint32_t length;
    at = read_varint(at, end, 2, &type);
    if (at != NULL) at = read_varint(at, end, 3, &length);
    if (at == NULL || length > (size_t)(end - at)) return false;
    if (type == FIELD_OPERATION_TYPE) {
      meta->operation = at;
      meta->operation_bytes = length <= OPERATION_BYTES_MAX ? length : 0;
    } else if (type == FIELD_SESSION) {
      meta->has_session = length > 0;
    }
    at += length;
  }
  return true;
}

// Appends a header; its meta and body of these sizes follow at the answer.
static uint8_t *append_mmtp(struct buffer *out, uint8_t type, uint32_t stream, uint8_t channel,
                            size_t meta_bytes, size_t body_bytes) {
  size_t frame_bytes = MMTP_HEADER_BYTES + meta_bytes + body_bytes;
  uint8_t *at = buffer_reserve(out, frame_bytes);
  at[0] = 'M';
  at[1] = 1;
  at[2] = type;
  at[3] = 0;
  write_u32(at + 4, stream);
  write_u32(at + 8, (uint32_t)frame_bytes);
  write_u16(at + 12, (uint16_t)meta_bytes);
  at[14] = channel;
  at[15] = 0;
  return at + MMTP_HEADER_BYTES;
}

static uint8_t *put_u16_field(uint8_t *at, uint8_t field, uint16_t value) {
  at[0] = field;
  at[1] = 2;
  write_u16(at + 2, value);
  return at + 4;
}

static uint8_t *put_u32_field(uint8_t *at, uint8_t field, uint32_t value) {
  at[0] = field;
  at[1] = 4;
  write_u32(at + 2, value);
  return at + 6;
}

void append_init_ack(struct buffer *out) {
  uint8_t *at = append_mmtp(out, MMTP_INIT_ACK, 0, CHANNEL_COMMON, 4 + 3 * 6, 0);
  at = put_u16_field(at, FIELD_RESULT_STATUS, RESULT_SUCCESS);
  at = put_u32_field(at, FIELD_MAX_STREAMS, STREAMS_MAX);
  at = put_u32_field(at, FIELD_MAX_FRAME_BYTES, FRAME_BYTES_MAX);
  // Clients must not refer to what they said before: remembering it is a gateway's work.
  put_u32_field(at, FIELD_TABLE_SIZE, 0);
}

void append_pong(struct buffer *out, const struct mmtp_frame *ping) {
  uint8_t *at = append_mmtp(out, MMTP_PONG, 0, CHANNEL_COMMON, 0, ping->body_bytes);
  memcpy(at, ping->body, ping->body_bytes);
}

void append_response(struct buffer *out, uint32_t stream, enum result_code result,
                     const uint8_t *body, size_t body_bytes) {
  uint8_t *at = append_mmtp(out, MMTP_RESPONSE, stream, CHANNEL_RPC, 7, body_bytes);
  at = put_u16_field(at, FIELD_RESULT_STATUS, (uint16_t)result);
  at[0] = FIELD_CONTENT_TYPE;
  at[1] = 1;
  at[2] = CONTENT_TYPE_PROTOBUF;
  if (body_bytes > 0) memcpy(at + 3, body, body_bytes);
}

enum found find_bolt(const uint8_t *bytes, size_t count, struct bolt_frame *frame) {
  if (count < BOLT_RESPONSE_HEAD_BYTES) return FOUND_PART;
  if (bytes[0] != 1 || bytes[1] > 2) return FOUND_MALFORMED;
  bool is_response = bytes[1] == 0;
  size_t head_bytes = is_response ? BOLT_RESPONSE_HEAD_BYTES : BOLT_REQUEST_HEAD_BYTES;
  if (count < head_bytes) return FOUND_PART;
  const uint8_t *lengths = bytes + head_bytes - 8;
  size_t content_bytes = read_u32(lengths + 4);
  size_t content_at = head_bytes + read_u16(lengths) + read_u16(lengths + 2);
  if (content_bytes > FRAME_BYTES_MAX - content_at) return FOUND_MALFORMED;
  if (count < content_at + content_bytes) return FOUND_PART;
  // Command code 2 is an answer; 0 would be the sign of life that the floor never asks for.
  frame->is_response = is_response && read_u16(bytes + 2) == 2;
  frame->request_id = read_u32(bytes + 5);
  frame->status = is_response ? read_u16(bytes + 10) : 0;
  frame->frame_bytes = content_at + content_bytes;
  frame->content = bytes + content_at;
  frame->content_bytes = content_bytes;
  return FOUND_FRAME;
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t count) {
  memcpy(at, bytes, count);
  return at + count;
}

static uint8_t *put_entry_field(uint8_t *at, const uint8_t *bytes, size_t count) {
  write_u32(at, (uint32_t)count);
  return put_bytes(at + 4, bytes, count);
}

static const char REQUEST_CLASS[] = "com.alipay.sofa.rpc.core.request.SofaRequest";

bool make_bolt_template(struct bolt_template *template, const char *service, const char *method) {
  size_t service_bytes = strlen(service);
  size_t method_bytes = strlen(method);
  if (service_bytes > 256 || method_bytes > 128) return false;
  uint8_t *at = template->bytes;
  memset(at, 0, BOLT_REQUEST_HEAD_BYTES);
  at[0] = 1; // protocol
  at[1] = 1; // a request
  at[3] = 1; // command code 1
  at[4] = 1; // ver2
  at[9] = BOLT_CODEC_PROTOBUF;
  write_u32(at + 10, TIMEOUT_MS);
  write_u16(at + 14, sizeof REQUEST_CLASS - 1);
  at = put_bytes(at + BOLT_REQUEST_HEAD_BYTES, REQUEST_CLASS, sizeof REQUEST_CLASS - 1);
  at = put_entry_field(at, LITERAL("service"));
  at = put_entry_field(at, (const uint8_t *)service, service_bytes);
  at = put_entry_field(at, LITERAL("sofa_head_target_service"));
  at = put_entry_field(at, (const uint8_t *)service, service_bytes);
  at = put_entry_field(at, LITERAL("sofa_head_method_name"));
  at = put_entry_field(at, (const uint8_t *)method, method_bytes);
  at = put_entry_field(at, LITERAL("protocol"));
  at = put_entry_field(at, LITERAL("bolt"));
  at = put_entry_field(at, LITERAL("type"));
  at = put_entry_field(at, LITERAL("sync"));
  at = put_entry_field(at, LITERAL("mgw-operation-type"));
  template->length = (size_t)(at - template->bytes);
  return true;
}

// Entries behind the operation type, of the lengths that the gateway's have: the floor draws no
// span ids and reads no session, but the service gets as many bytes.
static const char TRACE_ENTRY[] =
    "\0\0\0\13traceparent\0\0\0\67" "00-00000000000000000000000000000001-0000000000000001-00";
static const char SESSION_ENTRIES[] =
    "\0\0\0\11mgw-shard\0\0\0\2" "00" "\0\0\0\7mgw-uid\0\0\0\12" "2088000000";

void append_bolt_request(struct buffer *out, const struct bolt_template *template,
                         uint32_t request_id, const struct request_meta *meta,
                         const uint8_t *body, size_t body_bytes) {
  size_t session_bytes = meta->has_session ? sizeof SESSION_ENTRIES - 1 : 0;
  size_t tail_bytes = 4 + meta->operation_bytes + sizeof TRACE_ENTRY - 1 + session_bytes;
  uint8_t *frame = buffer_reserve(out, template->length + tail_bytes + body_bytes);
  uint8_t *at = put_bytes(frame, template->bytes, template->length);
  at = put_entry_field(at, meta->operation, meta->operation_bytes);
  at = put_bytes(at, TRACE_ENTRY, sizeof TRACE_ENTRY - 1);
  at = put_bytes(at, SESSION_ENTRIES, session_bytes);
  size_t fixed_bytes = BOLT_REQUEST_HEAD_BYTES + sizeof REQUEST_CLASS - 1;
  write_u32(frame + 5, request_id);
  write_u16(frame + 16, (uint16_t)((size_t)(at - frame) - fixed_bytes));
  write_u32(frame + 18, (uint32_t)body_bytes);
  memcpy(at, body, body_bytes);
}
