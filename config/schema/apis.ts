// Settings of APIs and API groups: what is open, to whom, and which service answers.
// Inheritance (API over group over the whole) is done by resolve-api.ts.

import {
  flag,
  integer,
  list,
  namedMap,
  NAME_PATTERN,
  oneOf,
  optional,
  section,
  text,
} from './kit.ts';
import { limit } from './runtime.ts';
import { channelName, sessionForm, sessionRule } from './sessions.ts';

/** LIMIT: routing tables are compiled for this many APIs at most. */
const APIS_MAX = 100_000;

const HOUR_MS = 3_600_000;
const FRAME_BYTES_MAX = 16 * 1024 * 1024;

const name = (description: string) =>
  text({ description, pattern: NAME_PATTERN, form: 'a name (letters, digits, "_", "-")' });

function headerChange(description: string) {
  return section(
    {
      add: namedMap(
        text({
          description: 'Header value.',
          pattern: '^[\\x20-\\x7e\\x80-\\xff]*$',
          form: 'a header value without control characters',
          secret: true,
        }),
        { description: 'Headers to set, by name.', default: {}, maxProperties: 64 },
      ),
      remove: list(name('Header name.'), {
        description: 'Headers to remove, by name.',
        default: [],
        maxItems: 64,
      }),
    },
    { description, default: {} },
  );
}

/** What APIs inherit from their group; every key may be absent at both. */
const shared = {
  timeoutMs: optional(
    integer({ description: 'Time for one request.', minimum: 1, maximum: HOUR_MS }),
  ),
  session: optional(sessionRule),
  accept: optional(
    list(sessionForm, {
      description: 'Session forms that are accepted.',
      minItems: 1,
      maxItems: 2,
      uniqueItems: true,
    }),
  ),
  protocols: optional(
    list(oneOf(['mmtp', 'http'], { description: 'Protocol.' }), {
      description: 'Protocols that the API can be called by; all when absent.',
      maxItems: 2,
      uniqueItems: true,
    }),
  ),
  channels: optional(
    list(channelName, {
      description: 'Channels that the API is open on; all when absent.',
      maxItems: 2,
      uniqueItems: true,
    }),
  ),
  limit: optional(limit),
  headers: optional(
    section(
      {
        request: headerChange('Changes to the request for the service.'),
        response: headerChange('Changes to the answer for the client.'),
      },
      { description: 'Header changes.' },
    ),
  ),
  statusMode: optional(
    oneOf(['code', 'http'], {
      description: 'HTTP status of failures: `code` is always 200, `http` follows the result code.',
    }),
  ),
  language: optional(oneOf(['en', 'zh'], { description: 'Language of the result texts.' })),
};

const group = section(
  { upstream: optional(name('Upstream of the group.')), ...shared },
  { description: 'One API group.' },
);

const target = section(
  {
    name: optional(name("Upstream; the group's, or the only one, when absent.")),
    service: optional(text({ description: 'Bolt: interface with version.', minLength: 1 })),
    method: optional(text({ description: 'Bolt: method.', minLength: 1, maxLength: 256 })),
    argTypes: optional(
      list(text({ description: 'Java type.', minLength: 1, maxLength: 512 }), {
        description: 'Bolt: types of the arguments.',
        maxItems: 64,
      }),
    ),
    path: optional(
      text({
        description: 'HTTP: request target; `/<operation type>` when absent.',
        pattern: '^/[\\x21-\\x7e]*$',
        form: 'a path that starts with "/" and has no spaces',
        maxLength: 2048,
      }),
    ),
    verb: optional(
      oneOf(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'], {
        description: 'HTTP: method; POST when absent.',
      }),
    ),
    codec: optional(
      oneOf(['protobuf', 'bytes', 'json'], {
        description: 'Bolt: form of the body; protobuf when absent.',
      }),
    ),
  },
  { description: 'The service that answers.', default: {} },
);

const api = section(
  {
    operationType: text({
      description: 'Operation type; `*` stands for every one that no other API has.',
      pattern: '^([A-Za-z0-9._-]{1,128}|\\*)$',
      form: '1 to 128 of A-Z a-z 0-9 . _ - (or "*" alone)',
    }),
    group: optional(name('API group.')),
    enabled: flag({ description: 'A disabled API answers 3000.', default: true }),
    upstream: target,
    ...shared,
    idempotent: flag({
      description: 'The service may get the same request twice, so it may be retried.',
      default: false,
    }),
    body: optional(
      section(
        {
          required: optional(flag({ description: 'An empty body is answered 3001.' })),
          type: optional(
            oneOf(['json', 'any'], { description: '`json`: any other body is answered 3002.' }),
          ),
          bytesMax: optional(
            integer({
              description: 'A larger body is answered 3002.',
              minimum: 0,
              maximum: FRAME_BYTES_MAX,
            }),
          ),
        },
        { description: 'Checks of the request body.' },
      ),
    ),
  },
  { description: 'One API.' },
);

export const groups = namedMap(group, {
  description: 'API groups by name; an API inherits what it does not say itself.',
  default: {},
  maxProperties: 4096,
});

export const apis = list(api, {
  description: 'The APIs. With none and one upstream, everything goes to that upstream.',
  default: [],
  maxItems: APIS_MAX,
});
