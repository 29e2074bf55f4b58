// `mgw session`: issue, inspect, verify, keygen, legacy. Invariant: standard output holds only the
// result, so that it can be piped on. What a session is made of is left to core/codec/session, the
// key file to session-key-file.ts.

import { existsSync, readFileSync } from 'node:fs';

import { defineFlags, parseFlags } from '#config/flags.ts';
import type { FlagSpec, FlagValues } from '#config/flags.ts';
import { helpText } from '#config/help.ts';
import type { CommandSpec } from '#config/help.ts';
import { suggestion } from '#config/nearest.ts';
import { formatProblem } from '#config/problem.ts';
import { shownValue } from '#config/value-path.ts';
import { SystemRandom, systemClock } from '#core/base/clock.ts';
import { TypeScriptKernels } from '#core/codec/kernels.ts';
import { paddingAttributes } from '#core/codec/session/attributes.ts';
import { decodeCanonicalBase64Url, encodeBase64Url } from '#core/codec/session/base64url.ts';
import { SessionVerifier } from '#core/codec/session/compact.ts';
import { describeSession } from '#core/codec/session/describe.ts';
import { SessionIssuer } from '#core/codec/session/encode.ts';
import { KeyRing } from '#core/codec/session/keys.ts';
import { encodeLegacySession, LegacyVerifier, looksLegacy } from '#core/codec/session/legacy.ts';
import { sampleLegacyClaims } from '#core/codec/session/legacy-sample.ts';
import { emptyRevocations } from '#core/codec/session/revocation.ts';
import {
  SESSION_BYTES_MAX,
  SESSION_BYTES_MIN,
  SESSION_STATUS_NAMES,
  SessionChannel,
  SessionStatus,
  SessionView,
  SID_BYTES,
} from '#core/codec/session/types.ts';
import { parseUid } from '#core/codec/session/uid.ts';

import type { CommandIo } from '../io.ts';
import {
  createFile,
  DEV_KEY_FILE,
  KeyFileError,
  newKeyFile,
  readKeyFile,
} from './session-key-file.ts';

const UINT32_MAX = 0xffffffff;
const STDIN = 0;
const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

/** A failure that ends the command with a message and a code. */
class CommandFailure extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

const KEYS = {
  name: 'keys',
  type: 'string',
  value: 'FILE',
  default: DEV_KEY_FILE,
  description: 'Key file.',
} as const;
const CHANNEL = {
  name: 'channel',
  type: 'string',
  choices: ['wireless', 'pc'],
  default: 'wireless',
  description: 'Channel of the session.',
} as const;
const DEVICE = { name: 'device', type: 'string', value: 'ID', description: 'Device id.' } as const;
const UID = { name: 'uid', type: 'string', value: 'N', description: 'User id, decimal.' } as const;
const TTL = { ...integerFlag('ttl', 'Time to live in seconds.', 0, UINT32_MAX), default: 86_400 };
const ISSUED_AT = integerFlag('issued-at', 'Unix seconds; now if absent.', 0, UINT32_MAX);
const EPOCH = { ...integerFlag('epoch', 'User epoch.', 0, UINT32_MAX), default: 0 };

function integerFlag<const Name extends string>(
  name: Name,
  description: string,
  minimum: number,
  maximum: number,
) {
  const type = 'number' as const;
  return { name, type, value: 'N', isInteger: true, minimum, maximum, description } as const;
}

const TEXT = { name: 'SESSION', minimum: 1, maximum: 1 };
const TEXT_NOTE = 'SESSION is the base64url text, a file that holds it, or - for standard input.';

const issueSpec = {
  name: 'session issue',
  summary: 'Makes a compact session and prints its base64url text.',
  usage: '--uid N [flags]',
  flags: defineFlags([
    UID,
    CHANNEL,
    TTL,
    DEVICE,
    integerFlag('size', 'Pads with application attributes to this many bytes.', 84, 650),
    integerFlag('kid', 'Key number; the first signing key if absent.', 0, 65_535),
    integerFlag('level', 'Login level.', 0, 255),
    integerFlag('shard', 'Shard hint; by user id if absent.', 0, 99),
    EPOCH,
    ISSUED_AT,
    KEYS,
  ]),
  examples: ['mgw session issue --uid 208812345', 'mgw session issue --uid 7 --size 650'],
} satisfies CommandSpec;

const inspectSpec = {
  name: 'session inspect',
  summary: 'Shows what is in a session. Needs no keys and checks no signature.',
  usage: 'SESSION',
  flags: defineFlags([]),
  positionals: TEXT,
  notes: [TEXT_NOTE],
} satisfies CommandSpec;

const verifySpec = {
  name: 'session verify',
  summary: 'Says whether a gateway with these keys would accept a session.',
  usage: 'SESSION [flags]',
  flags: defineFlags([
    CHANNEL,
    DEVICE,
    integerFlag('at', 'Unix seconds to check for; now if absent.', 0, UINT32_MAX),
    KEYS,
  ]),
  positionals: TEXT,
  notes: [TEXT_NOTE, 'Revocations are not known here. The exit code is 1 when it is not valid.'],
} satisfies CommandSpec;

const keygenSpec = {
  name: 'session keygen',
  summary: 'Makes a key file with one new signing key.',
  usage: '[flags]',
  flags: defineFlags([
    { name: 'out', type: 'string', value: 'FILE', description: 'File to create, mode 0600.' },
    { ...integerFlag('kid', 'Key number.', 0, 65_535), default: 1 },
    {
      name: 'legacy',
      type: 'boolean',
      default: true,
      description: 'Mark it as the key of legacy sessions.',
    },
    { name: 'force', type: 'boolean', default: false, description: 'Overwrite a file.' },
  ]),
  notes: ['Without --out the file is printed. It holds secrets.'],
} satisfies CommandSpec;

const legacySpec = {
  name: 'session legacy',
  summary: 'Makes a legacy session of about 7 KB of JSON and prints its base64url text.',
  usage: '--uid N [flags]',
  flags: defineFlags([
    UID,
    TTL,
    DEVICE,
    EPOCH,
    ISSUED_AT,
    { ...integerFlag('seed', 'Seed of the made-up claims.', 0, UINT32_MAX), default: 1 },
    KEYS,
  ]),
} satisfies CommandSpec;

const kernels = new TypeScriptKernels();
const random = new SystemRandom();

function issue(values: FlagValues<typeof issueSpec.flags>, io: CommandIo): number {
  // Flags first: who lacks a key file as well learns what is wrong with the command line.
  const uid = uidOf(values.uid);
  const padding = paddingOf(values.size ?? SESSION_BYTES_MIN);
  const issuer = new SessionIssuer(new KeyRing(readKeyFile(values.keys), kernels), kernels);
  const kid = values.kid ?? issuer.kid;
  if (kid < 0) {
    throw new CommandFailure(EXIT_USAGE, `No key in ${values.keys} is in state "signing"`);
  }
  const fields = {
    channel: SessionChannel[values.channel === 'pc' ? 'pc' : 'wireless'],
    issuedAt: values['issued-at'] ?? nowSeconds(),
    ttl: values.ttl,
    uidHigh: uid.high,
    uidLow: uid.low,
    sid: randomBytes(SID_BYTES),
    epoch: values.epoch,
    device: Buffer.from(values.device ?? ''),
    loginLevel: values.level ?? 0,
    ...(values.shard === undefined ? {} : { shardHint: values.shard }),
    attributes: paddingAttributes(padding),
  };
  let session: Buffer;
  try {
    session = issuer.issue(fields, kid);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CommandFailure(EXIT_USAGE, error.message);
  }
  io.stdout.write(`${encodeBase64Url(session, 0, session.length)}\n`);
  return 0;
}

function inspect(text: string, io: CommandIo): number {
  const session = decodeText(sessionText(text));
  if (session === null) throw new CommandFailure(EXIT_FAILURE, whyNoSession(text));
  const note = ['signature', 'unverified: `mgw session verify` checks it'] as const;
  const rows = [...describeSession(session, kernels), note];
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, value] of rows) io.stdout.write(`${name.padEnd(width)}  ${value}\n`);
  return 0;
}

function verify(text: string, values: FlagValues<typeof verifySpec.flags>, io: CommandIo): number {
  const keys = new KeyRing(readKeyFile(values.keys), kernels);
  const options = { kernels, keys, revocations: emptyRevocations() };
  const session = decodeText(sessionText(text));
  const bytes = session ?? Buffer.alloc(0);
  const isLegacy = looksLegacy(bytes, 0, bytes.length);
  const verifier = isLegacy ? new LegacyVerifier(options) : new SessionVerifier(options);
  const device = Buffer.from(values.device ?? '');
  const status = verifier.verify(
    bytes,
    0,
    session === null ? -1 : bytes.length,
    SessionChannel[values.channel === 'pc' ? 'pc' : 'wireless'],
    values.at ?? nowSeconds(),
    device,
    0,
    device.length,
    new SessionView(),
  );
  const isValid = status === SessionStatus.ok;
  io.stdout.write(isValid ? 'valid\n' : `invalid: ${SESSION_STATUS_NAMES[status]}\n`);
  return isValid ? 0 : EXIT_FAILURE;
}

function keygen(values: FlagValues<typeof keygenSpec.flags>, io: CommandIo): number {
  const text = newKeyFile(values.kid, values.legacy);
  const path = values.out;
  if (path === undefined) io.stdout.write(text);
  else if (createFile(path, text, values.force)) io.stdout.write(`Wrote ${path}\n`);
  else throw new CommandFailure(EXIT_FAILURE, `${path} exists; --force overwrites it`);
  return 0;
}

function legacy(values: FlagValues<typeof legacySpec.flags>, io: CommandIo): number {
  // The flag first, as `issue` does; the text is checked and used as it is.
  uidOf(values.uid);
  const keys = new KeyRing(readKeyFile(values.keys), kernels);
  if (keys.legacyKey === null) {
    throw new CommandFailure(EXIT_USAGE, `No key in ${values.keys} is marked "legacy": true`);
  }
  const claims = {
    v: 0,
    uid: values.uid!,
    sid: randomBytes(SID_BYTES).toString('hex'),
    iat: values['issued-at'] ?? nowSeconds(),
    ttl: values.ttl,
    epoch: values.epoch,
    device: values.device ?? '',
  } as const;
  const all = sampleLegacyClaims(claims, values.seed);
  const session = encodeLegacySession(all, keys.legacyKey, kernels);
  io.stdout.write(`${encodeBase64Url(session, 0, session.length)}\n`);
  return 0;
}

/** Subcommands: what to parse and what to run. */
const COMMANDS = {
  issue: command(issueSpec, (values, _, io) => issue(values, io)),
  inspect: command(inspectSpec, (_, texts, io) => inspect(texts[0]!, io)),
  verify: command(verifySpec, (values, texts, io) => verify(texts[0]!, values, io)),
  keygen: command(keygenSpec, (values, _, io) => keygen(values, io)),
  legacy: command(legacySpec, (values, _, io) => legacy(values, io)),
};

function command<const Flags extends readonly FlagSpec[]>(
  spec: CommandSpec<Flags>,
  run: (values: FlagValues<Flags>, texts: readonly string[], io: CommandIo) => number,
) {
  const start = (argv: readonly string[], io: CommandIo): number => {
    const { values, positionals, isHelp, problems } = parseFlags(argv, spec);
    if (isHelp) {
      io.stdout.write(helpText(spec));
      return 0;
    }
    for (const problem of problems) io.stderr.write(`${formatProblem(problem)}\n`);
    return problems.length > 0 ? EXIT_USAGE : run(values, positionals, io);
  };
  return { spec, start };
}

/**
 * Runs `mgw session`.
 *
 * @param argv what follows `session`
 * @returns the exit code: 0, 1 (failed, not valid) or 2 (wrong usage or key file)
 */
export async function runSession(argv: readonly string[], io: CommandIo): Promise<number> {
  const [name = '--help', ...rest] = argv;
  if (name === '--help' || name === '-h' || name === 'help') {
    for (const { spec } of Object.values(COMMANDS)) {
      io.stdout.write(`mgw ${`${spec.name} ${spec.usage}`.padEnd(34)} ${spec.summary}\n`);
    }
    return argv.length === 0 ? EXIT_USAGE : 0;
  }
  const known = Object.keys(COMMANDS);
  if (!known.includes(name)) {
    io.stderr.write(`mgw session: unknown command "${name}"; ${suggestion(name, known)}\n`);
    return EXIT_USAGE;
  }
  try {
    return COMMANDS[name as keyof typeof COMMANDS].start(rest, io);
  } catch (error) {
    const isExpected = error instanceof CommandFailure || error instanceof KeyFileError;
    if (!isExpected) throw error;
    io.stderr.write(`mgw session ${name}: ${error.message}\n`);
    return error instanceof CommandFailure ? error.exitCode : EXIT_USAGE;
  }
}

function sessionText(text: string): string {
  if (text !== '-' && !existsSync(text)) return text;
  try {
    return readFileSync(text === '-' ? STDIN : text, 'utf8').trim();
  } catch (error) {
    throw new CommandFailure(EXIT_FAILURE, `Cannot read ${text}: ${(error as Error).message}`);
  }
}

/** Why an argument gave no session: it may have been meant as a file. */
function whyNoSession(text: string): string {
  if (text === '-') return 'Standard input is not canonical base64url';
  if (existsSync(text)) return `The text in ${text} is not canonical base64url`;
  const meant = 'is neither a session (canonical base64url) nor a file that can be read';
  return `${shownValue(text)} ${meant}`;
}

function decodeText(text: string): Buffer | null {
  const source = Buffer.from(text);
  const target = Buffer.alloc(source.length);
  const bytes = decodeCanonicalBase64Url(source, 0, source.length, target, 0);
  return bytes < 0 ? null : target.subarray(0, bytes);
}

function uidOf(text: string | undefined): { readonly high: number; readonly low: number } {
  if (text === undefined) throw new CommandFailure(EXIT_USAGE, '--uid is missing; write --uid=N');
  const uid = parseUid(text);
  if (uid !== null) return uid;
  const message = `--uid "${text}" is not allowed; give a decimal number below 2^64`;
  throw new CommandFailure(EXIT_USAGE, message);
}

/** Bytes of attributes that make a session of `size` bytes. */
function paddingOf(size: number): number {
  const padding = size - SESSION_BYTES_MIN;
  if (padding !== 1) return padding;
  const range = `${SESSION_BYTES_MIN} or ${SESSION_BYTES_MIN + 2}..${SESSION_BYTES_MAX}`;
  throw new CommandFailure(EXIT_USAGE, `No session has --size ${size}; use ${range}`);
}

function nowSeconds(): number {
  return Math.floor(systemClock.wallMs() / 1000);
}

function randomBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  random.fill(bytes, 0, length);
  return bytes;
}
