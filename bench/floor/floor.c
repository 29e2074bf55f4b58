// The floor under the gateway's CPU figures: a proxy on one thread that turns Mmtp requests into
// Bolt requests and Bolt answers into Mmtp answers, and does nothing else. No session is verified,
// nothing is limited, timed, counted or logged. What it costs is what moving the bytes costs; what
// the gateway costs above it is the gateway's work and its runtime.
//
//   floor SERVICE_PORT SERVICE METHOD
//
// Listens on a free port of 127.0.0.1, prints one JSON line with it and ends with its standard
// input. Each readiness of a socket is one read of at most READ_BYTES; all output of one turn of
// the loop leaves in one write per connection. When the service goes, so does the floor.

#define _GNU_SOURCE // accept4

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frames.h"

enum {
  UPSTREAMS = 2,
  READ_BYTES = 256 * 1024,
  EVENTS_PER_TURN = 256,
  // LIMIT: requests that wait for the service, all clients together. Ids use 16 bits for them.
  CALLS_MAX = 65536,
  // LIMIT: bytes queued for a peer that does not read: a client is dropped, a call is refused.
  QUEUED_BYTES_MAX = 64 * 1024 * 1024,
};

enum kind { KIND_LISTENER, KIND_CLIENT, KIND_UPSTREAM, KIND_LIFELINE };

struct connection {
  enum kind kind;
  // -1: closed. The object stays until the turn ends and its last call is answered.
  int fd;
  // EPOLLOUT is asked for: the socket took less than there was.
  bool is_blocked;
  bool is_dirty;
  struct connection *next_dirty;
  uint32_t open_calls;
  struct buffer out;
  // A frame that has not arrived in full.
  struct buffer rest;
};

// A request at the service. Its id there: index in the lower half, serial in the upper, so that a
// late or invented answer does not meet the next request in the same place.
struct call {
  struct connection *client; // NULL: free
  uint32_t stream;
  uint16_t serial;
  uint16_t next_free;
};

static int poller;
static struct connection upstreams[UPSTREAMS];
static struct connection *first_dirty;
static struct bolt_template template;
static unsigned next_upstream;

static struct call calls[CALLS_MAX];
static uint32_t free_calls = CALLS_MAX;
static uint16_t first_free;

// What was read last, behind what was left over of the read before.
static uint8_t landing[FRAME_BYTES_MAX + READ_BYTES];

// A call of the system failed that never does when all is well.
static void die(const char *what) {
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  exit(EXIT_FAILURE);
}

static void watch(struct connection *connection, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  if (epoll_ctl(poller, operation, connection->fd, &event) < 0) die("epoll_ctl");
}

static void mark_dirty(struct connection *connection) {
  if (connection->is_dirty) return;
  connection->is_dirty = true;
  connection->next_dirty = first_dirty;
  first_dirty = connection;
}

static void close_client(struct connection *client) {
  if (client->fd < 0) return;
  close(client->fd);
  client->fd = -1;
  buffer_free(&client->out);
  buffer_free(&client->rest);
  mark_dirty(client); // Events of this turn may still name it; the end of the turn frees it.
}

// The peer has gone, or sent what is no frame.
static void lose(struct connection *connection) {
  if (connection->kind == KIND_UPSTREAM) {
    fputs("floor: the service ended or sent what is not Bolt\n", stderr);
    exit(EXIT_FAILURE);
  }
  close_client(connection);
}

static void make_calls(void) {
  for (uint32_t i = 0; i < CALLS_MAX; i++) calls[i].next_free = (uint16_t)(i + 1);
}

// The caller has checked that one is free.
static uint32_t open_call(struct connection *client, uint32_t stream) {
  uint16_t index = first_free;
  struct call *call = &calls[index];
  first_free = call->next_free;
  free_calls--;
  call->client = client;
  call->stream = stream;
  call->serial++;
  client->open_calls++;
  return (uint32_t)call->serial << 16 | index;
}

static void take_request(struct connection *client, const struct mmtp_frame *frame) {
  struct request_meta meta;
  if (!read_request_meta(frame, &meta)) {
    close_client(client);
    return;
  }
  struct connection *upstream = &upstreams[next_upstream];
  next_upstream = (next_upstream + 1) % UPSTREAMS;
  bool is_full = free_calls == 0 || client->open_calls >= STREAMS_MAX ||
                 buffer_waiting(&upstream->out) > QUEUED_BYTES_MAX;
  if (is_full || meta.operation_bytes == 0) {
    enum result_code result = is_full ? RESULT_LIMITED : RESULT_OPERATION_MISSING;
    append_response(&client->out, frame->stream, result, NULL, 0);
    mark_dirty(client);
    return;
  }
  uint32_t id = open_call(client, frame->stream);
  append_bolt_request(&upstream->out, &template, id, &meta, frame->body, frame->body_bytes);
  mark_dirty(upstream);
}

// Frames that need no answer are skipped; a cancelled call is answered all the same.
static void take_mmtp(struct connection *client, const struct mmtp_frame *frame) {
  switch (frame->type) {
    case MMTP_REQUEST:
      take_request(client, frame);
      break;
    case MMTP_INIT:
      append_init_ack(&client->out);
      mark_dirty(client);
      break;
    case MMTP_PING:
      append_pong(&client->out, frame);
      mark_dirty(client);
      break;
  }
}

static void take_bolt(const struct bolt_frame *frame) {
  uint16_t index = (uint16_t)frame->request_id;
  struct call *call = &calls[index];
  struct connection *client = call->client;
  if (!frame->is_response || client == NULL) return;
  if (call->serial != frame->request_id >> 16) return;
  call->client = NULL;
  call->next_free = first_free;
  first_free = index;
  free_calls++;
  client->open_calls--;
  mark_dirty(client);
  if (client->fd < 0) return;
  if (frame->status == 0) {
    append_response(&client->out, call->stream, RESULT_SUCCESS, frame->content,
                    frame->content_bytes);
  } else {
    append_response(&client->out, call->stream, RESULT_BACKEND_FAILED, NULL, 0);
  }
  if (buffer_waiting(&client->out) > QUEUED_BYTES_MAX) close_client(client);
}

// Takes whole frames off the front of `bytes`; answers how many bytes they had, or -1.
static ssize_t take_frames(struct connection *connection, const uint8_t *bytes, size_t count) {
  size_t at = 0;
  while (at < count && connection->fd >= 0) {
    struct mmtp_frame mmtp;
    struct bolt_frame bolt;
    bool is_client = connection->kind == KIND_CLIENT;
    enum found found = is_client ? find_mmtp(bytes + at, count - at, &mmtp)
                                 : find_bolt(bytes + at, count - at, &bolt);
    if (found == FOUND_MALFORMED) return -1;
    if (found == FOUND_PART) break;
    if (is_client) take_mmtp(connection, &mmtp);
    else take_bolt(&bolt);
    at += is_client ? mmtp.frame_bytes : bolt.frame_bytes;
  }
  return (ssize_t)at;
}

static void read_some(struct connection *connection) {
  size_t kept = connection->rest.length; // less than a frame, so it fits
  if (kept > 0) memcpy(landing, connection->rest.bytes, kept);
  ssize_t count = read(connection->fd, landing + kept, READ_BYTES);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    lose(connection);
    return;
  }
  size_t total = kept + (size_t)count;
  ssize_t taken = take_frames(connection, landing, total);
  if (taken < 0) lose(connection);
  if (connection->fd < 0) return;
  buffer_keep(&connection->rest, landing + taken, total - (size_t)taken);
}

static void write_some(struct connection *connection) {
  struct buffer *out = &connection->out;
  if (buffer_waiting(out) > 0) {
    ssize_t count = send(connection->fd, out->bytes + out->sent, buffer_waiting(out), MSG_NOSIGNAL);
    if (count >= 0) {
      buffer_take(out, (size_t)count);
    } else if (errno != EAGAIN && errno != EINTR) {
      lose(connection);
      return;
    }
  }
  bool is_blocked = buffer_waiting(out) > 0;
  if (is_blocked == connection->is_blocked) return;
  connection->is_blocked = is_blocked;
  watch(connection, EPOLL_CTL_MOD, is_blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void accept_all(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && errno == ECONNABORTED) continue;
    if (fd < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (fd < 0) die("accept");
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct connection *client = calloc(1, sizeof *client);
    if (client == NULL) die("calloc");
    client->kind = KIND_CLIENT;
    client->fd = fd;
    watch(client, EPOLL_CTL_ADD, EPOLLIN);
  }
}

// One write per connection that has something to say, blocked ones excepted: they are woken.
static void end_turn(void) {
  while (first_dirty != NULL) {
    struct connection *connection = first_dirty;
    first_dirty = connection->next_dirty;
    connection->is_dirty = false;
    if (connection->fd >= 0 && !connection->is_blocked) write_some(connection);
    // A write that fails has put it on the list again.
    if (connection->fd < 0 && connection->open_calls == 0 && !connection->is_dirty) {
      free(connection);
    }
  }
}

static void take_event(struct connection *connection, uint32_t events) {
  if (connection->fd < 0) return; // Closed earlier in this turn.
  switch (connection->kind) {
    case KIND_LISTENER:
      accept_all(connection->fd);
      break;
    case KIND_LIFELINE:
      if (read(connection->fd, landing, READ_BYTES) == 0) exit(EXIT_SUCCESS);
      break;
    case KIND_CLIENT:
    case KIND_UPSTREAM:
      if (events & EPOLLOUT) write_some(connection);
      if (connection->fd >= 0 && (events & ~(uint32_t)EPOLLOUT)) read_some(connection);
      break;
  }
}

static struct sockaddr_in local_address(uint16_t port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET,
      .sin_port = htons(port),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
}

static void connect_upstreams(uint16_t port) {
  struct sockaddr_in address = local_address(port);
  for (int i = 0; i < UPSTREAMS; i++) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    if (fd < 0) die("socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) die("fcntl");
    upstreams[i] = (struct connection){.kind = KIND_UPSTREAM, .fd = fd};
    watch(&upstreams[i], EPOLL_CTL_ADD, EPOLLIN);
  }
}

// Listens on a free port and says which.
static void listen_for_clients(struct connection *listener) {
  struct sockaddr_in address = local_address(0);
  socklen_t address_bytes = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  if (bind(fd, (struct sockaddr *)&address, address_bytes) < 0) die("bind");
  if (listen(fd, SOMAXCONN) < 0) die("listen");
  if (getsockname(fd, (struct sockaddr *)&address, &address_bytes) < 0) die("getsockname");
  *listener = (struct connection){.kind = KIND_LISTENER, .fd = fd};
  watch(listener, EPOLL_CTL_ADD, EPOLLIN);
  printf("{\"event\":\"ready\",\"role\":\"bench-floor\",\"pid\":%d,\"ports\":{\"mmtp\":%d}}\n",
         getpid(), ntohs(address.sin_port));
  fflush(stdout);
}

int main(int count, char **arguments) {
  if (count != 4 || !make_bolt_template(&template, arguments[2], arguments[3])) {
    fputs("Usage: floor SERVICE_PORT SERVICE METHOD\n", stderr);
    return 2;
  }
  poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) die("epoll_create1");
  make_calls();
  connect_upstreams((uint16_t)strtoul(arguments[1], NULL, 10));
  struct connection lifeline = {.kind = KIND_LIFELINE, .fd = STDIN_FILENO};
  watch(&lifeline, EPOLL_CTL_ADD, EPOLLIN);
  struct connection listener;
  listen_for_clients(&listener);
  struct epoll_event events[EVENTS_PER_TURN];
  for (;;) {
    int ready = epoll_wait(poller, events, EVENTS_PER_TURN, -1);
    if (ready < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < ready; i++) take_event(events[i].data.ptr, events[i].events);
    end_turn();
  }
}
