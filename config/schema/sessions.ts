// Settings of session checks: keys, accepted forms, revocations. The formats themselves are
// described in docs/session.md.

import { integer, list, oneOf, optional, section, text } from './kit.ts';

const UINT32_MAX = 0xffff_ffff;

/** LIMIT: a revocation entry takes about 100 bytes in memory. */
const REVOCATIONS_MAX = 100_000;

export const channelName = oneOf(['wireless', 'pc'], { description: 'Channel.' });

/** Accepted session forms, at each place that can name them. */
export const sessionForm = oneOf(['compact', 'legacy'], { description: 'Session form.' });

/** Does an API need a session, at each place that can say so. */
export const sessionRule = oneOf(['required', 'optional', 'none'], {
  description: '`required` refuses requests without one, `none` does not look at it.',
});

const revocations = section(
  {
    sids: list(
      text({ description: 'Session id.', pattern: '^[0-9a-f]{32}$', form: '32 hex digits' }),
      { description: 'Revoked session ids.', default: [], maxItems: REVOCATIONS_MAX },
    ),
    users: list(
      section(
        {
          uid: text({
            description: 'User id, decimal, in quotes.',
            pattern: '^(0|[1-9][0-9]{0,19})$',
            form: 'a decimal number in quotes',
          }),
          epoch: integer({
            description: 'Sessions of the user with a lower epoch are revoked.',
            minimum: 0,
            maximum: UINT32_MAX,
          }),
        },
        { description: 'One user.' },
      ),
      {
        description: 'Users whose older sessions are revoked.',
        default: [],
        maxItems: REVOCATIONS_MAX,
      },
    ),
    issuedBefore: list(
      section(
        {
          channel: channelName,
          at: integer({
            description: 'Sessions issued before are revoked; Unix seconds.',
            minimum: 0,
            maximum: UINT32_MAX,
          }),
        },
        { description: 'One channel.' },
      ),
      { description: 'Channels whose older sessions are revoked.', default: [], maxItems: 2 },
    ),
  },
  { description: 'Sessions that are refused though they verify.', default: {} },
);

export const sessions = section(
  {
    keysFile: optional(
      text({
        description: 'File with the session keys.',
        minLength: 1,
        flag: 'session-keys',
        flagValue: 'FILE',
      }),
    ),
    rule: oneOf(['required', 'optional', 'none'], {
      description: 'Whether an API needs a session, where neither it nor its group says so.',
      default: 'optional',
    }),
    accept: list(sessionForm, {
      description: 'Session forms that are accepted, where the group does not say otherwise.',
      default: ['compact'],
      minItems: 1,
      maxItems: 2,
      uniqueItems: true,
    }),
    cacheEntries: integer({
      description: 'Verified sessions remembered per lane; 0 verifies each time.',
      default: 0,
      minimum: 0,
      maximum: 1_048_576,
      flag: 'session-cache',
      flagValue: 'N',
      reload: 'restart',
    }),
    skewSeconds: integer({
      description: 'Tolerated difference between the clocks of issuer and gateway.',
      default: 60,
      minimum: 0,
      maximum: 3600,
    }),
    revocations,
  },
  { description: 'Session checks.', default: {} },
);
