// The rules between settings that a schema cannot say: names that must exist, duplicates, sizes
// that must fit each other. Parts that break the schema are left out; the rest is still checked.

import { isLoopback, parseAddressBlock, parseHostPort } from './host-port.ts';
import { isSecret, SECRET_MASK } from './mask.ts';
import { suggestion } from './nearest.ts';
import { upstreamNameOf } from './resolve-api.ts';
import type { ApiConfig, GatewayConfig, HeaderChanges, UpstreamConfig } from './schema.ts';
import type { Finding, Soundness } from './schema-check.ts';
import { pathText, visitLeaves } from './value-path.ts';
import type { Tokens } from './value-path.ts';

/** What the cross checks found. */
export interface CrossFindings {
  readonly problems: readonly Finding[];
  /** Settings that work but are hardly meant. */
  readonly warnings: readonly Finding[];
}

/** Runs all rules over a configuration with defaults; `soundness` tells what to leave out. */
export function crossCheck(config: GatewayConfig, soundness: Soundness): CrossFindings {
  const check = new CrossCheck(config, soundness);
  check.listeners();
  check.sessions();
  check.upstreams();
  check.groups();
  check.apis();
  check.masks();
  return check;
}

/** Headers that belong to one connection or to the framing of a message. */
const CONNECTION_HEADERS = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const UINT64_MAX = 0xffff_ffff_ffff_ffffn;

class CrossCheck implements CrossFindings {
  readonly problems: Finding[] = [];
  readonly warnings: Finding[] = [];
  readonly #config: GatewayConfig;
  readonly #soundness: Soundness;

  constructor(config: GatewayConfig, soundness: Soundness) {
    this.#config = config;
    this.#soundness = soundness;
  }

  listeners(): void {
    if (!this.#soundness.isContainer(['listeners'])) return;
    this.#ports();
    this.#trustedPeers();
    this.#atMost('listeners', 'highWatermarkBytes', 'outputBytesMax');
    this.#atMost('listeners', 'outputBytesMax', 'outputTotalBytesMax');
    this.#atMost('listeners', 'frameBytesMax', 'inputTotalBytesMax');
    if (!this.#soundness.isSound(['listeners'])) return;
    const { listeners } = this.#config;
    if (listeners.adminOpen && listeners.adminPort !== 'off' && !isLoopback(listeners.host)) {
      const message = `the admin port is open without a token on ${listeners.host}`;
      this.#warning(['listeners', 'adminOpen'], `${message}; anybody there can change everything`);
    }
  }

  #ports(): void {
    const { listeners } = this.#config;
    const users = new Map<number, string>();
    for (const key of ['httpPort', 'mmtpPort', 'adminPort'] as const) {
      if (!this.#areSound(['listeners'], key)) continue;
      const port = listeners[key];
      if (port === 'off' || port === 0) continue;
      const other = users.get(port);
      users.set(port, other ?? key);
      if (other === undefined) continue;
      this.#problem(['listeners', key], `port ${port} is also the ${other}; choose another`);
    }
    if (!this.#areSound(['listeners'], 'httpPort', 'mmtpPort')) return;
    if (listeners.httpPort === 'off' && listeners.mmtpPort === 'off') {
      const message = 'both httpPort and mmtpPort are "off"; give one of them a port';
      this.#problem(['listeners', 'httpPort'], message);
    }
  }

  #trustedPeers(): void {
    const place = ['listeners', 'trustedPeers'];
    if (!this.#soundness.isContainer(place)) return;
    this.#config.listeners.trustedPeers.forEach((text, index) => {
      const tokens = [...place, index];
      if (!this.#soundness.isSound(tokens) || parseAddressBlock(text) !== undefined) return;
      const wanted = 'give an address or a block such as 10.0.0.0/8';
      this.#problem(tokens, `"${text}" is not a CIDR block; ${wanted}`);
    });
  }

  sessions(): void {
    const place = ['sessions', 'revocations', 'users'];
    if (!this.#soundness.isContainer(place)) return;
    this.#config.sessions.revocations.users.forEach((user, index) => {
      const tokens = [...place, index, 'uid'];
      if (!this.#soundness.isSound(tokens)) return;
      const { uid } = user;
      if (BigInt(uid) <= UINT64_MAX) return;
      this.#problem(tokens, `"${uid}" is not a user id; give a number below 2^64`);
    });
  }

  upstreams(): void {
    if (!this.#soundness.isContainer(['upstreams'])) return;
    const names = Object.keys(this.#config.upstreams);
    if (names.length === 0) {
      const fix = 'give --upstream NAME=PROTO://HOST:PORT, or "upstreams" in a file with --config';
      this.#problem(['upstreams'], `no upstream configured; ${fix}`);
    }
    for (const name of names) {
      const tokens = ['upstreams', name];
      if (!this.#soundness.isContainer(tokens)) continue;
      this.#upstream(tokens, this.#config.upstreams[name]!);
    }
  }

  #upstream(tokens: Tokens, upstream: UpstreamConfig): void {
    this.#hosts(tokens, upstream);
    const { reconnectMinMs, reconnectMaxMs, responseBytesMax } = upstream;
    const arePausesSound = this.#areSound(tokens, 'reconnectMinMs', 'reconnectMaxMs');
    if (arePausesSound && reconnectMinMs > reconnectMaxMs) {
      const message = `${reconnectMinMs} is more than reconnectMaxMs (${reconnectMaxMs}); lower it`;
      this.#problem([...tokens, 'reconnectMinMs'], message);
    }
    const isBoltSound = this.#areSound(tokens, 'boltCrc', 'boltVersion');
    if (isBoltSound && upstream.boltCrc && upstream.boltVersion !== 2) {
      const fix = 'set boltVersion to 2 or boltCrc to false';
      this.#problem([...tokens, 'boltCrc'], `Bolt ${upstream.boltVersion} has no CRC; ${fix}`);
    }
    const isOutputSound = this.#areSound(['listeners'], 'outputBytesMax');
    if (!isOutputSound || !this.#areSound(tokens, 'responseBytesMax')) return;
    const { outputBytesMax } = this.#config.listeners;
    if (responseBytesMax > outputBytesMax) {
      const limit = `listeners.outputBytesMax (${outputBytesMax})`;
      const message = `${responseBytesMax} is more than ${limit}`;
      const effect = 'an answer of that size closes the connection of its client';
      this.#warning([...tokens, 'responseBytesMax'], `${message}; ${effect}`);
    }
  }

  #hosts(tokens: Tokens, { protocol, hosts }: UpstreamConfig): void {
    if (!this.#soundness.isContainer([...tokens, 'hosts'])) return;
    hosts?.forEach((host, index) => {
      const place = [...tokens, 'hosts', index];
      if (!this.#soundness.isSound(place) || parseHostPort(host) !== undefined) return;
      const wanted = 'give a name or address and a port from 1 to 65535, as in 127.0.0.1:9000';
      this.#problem(place, `"${host}" is not HOST:PORT; ${wanted}`);
    });
    if (!this.#areSound(tokens, 'protocol')) return;
    if (protocol === 'local') {
      if (hosts === undefined) return;
      const reason = 'an upstream of protocol "local" is in this process and has none';
      this.#problem([...tokens, 'hosts'], `has no meaning: ${reason}; remove it`);
    } else if (hosts === undefined) {
      const wanted = 'give a list of 1 to 1024 different items, each HOST:PORT';
      this.#problem([...tokens, 'hosts'], `is missing; ${wanted}`);
    }
  }

  groups(): void {
    if (!this.#soundness.isContainer(['groups'])) return;
    for (const [name, group] of Object.entries(this.#config.groups)) {
      const tokens = ['groups', name];
      if (!this.#soundness.isContainer(tokens)) continue;
      this.#mustExist([...tokens, 'upstream'], 'upstream', group.upstream);
      this.#headers([...tokens, 'headers'], group.headers);
    }
  }

  apis(): void {
    if (!this.#soundness.isContainer(['apis'])) return;
    const first = new Map<string, Tokens>();
    this.#config.apis.forEach((api, index) => {
      const tokens = ['apis', index];
      if (this.#soundness.isContainer([...tokens, 'operationType'])) {
        this.#mustBeFirst(tokens, api.operationType, first);
      }
      if (this.#soundness.isContainer(tokens)) this.#api(tokens, api);
    });
    if (this.#config.apis.length === 0) this.#noApis();
  }

  #mustBeFirst(tokens: Tokens, operationType: string, first: Map<string, Tokens>): void {
    const earlier = first.get(operationType);
    first.set(operationType, earlier ?? tokens);
    if (earlier === undefined) return;
    const message = `"${operationType}" is also the operation type of ${pathText(earlier)}`;
    this.#problem([...tokens, 'operationType'], `${message}; remove one of the two`);
  }

  /** Reached only where no API could be made up: snapshot.ts does that for one other service. */
  #noApis(): void {
    const names = Object.keys(this.#config.upstreams);
    if (names.length === 0 || !this.#soundness.isSound(['upstreams'])) return;
    const reason =
      names.length > 1
        ? `there are several upstreams (${names.slice(0, 5).join(', ')})`
        : `upstream "${names[0]}" speaks Bolt, which needs service and method of each API`;
    this.#problem(
      ['apis'],
      `no API configured, and ${reason}; add "apis" to the configuration file`,
    );
  }

  #api(tokens: Tokens, api: ApiConfig): void {
    this.#mustExist([...tokens, 'group'], 'group', api.group);
    if (this.#soundness.isContainer([...tokens, 'upstream'])) {
      this.#mustExist([...tokens, 'upstream', 'name'], 'upstream', api.upstream.name);
    }
    this.#headers([...tokens, 'headers'], api.headers);
    if (!this.#isTargetKnown(tokens, api)) return;
    this.#target(tokens, api);
    this.#apiSession(tokens, api);
  }

  /** All that says which service answers the API can be relied on. */
  #isTargetKnown(tokens: Tokens, { group }: ApiConfig): boolean {
    if (!this.#areSound(tokens, 'group')) return false;
    if (!this.#areSound([...tokens, 'upstream'], 'name')) return false;
    if (!this.#soundness.isContainer(['upstreams'])) return false;
    if (group === undefined) return true;
    const isThere = this.#soundness.isContainer(['groups', group]);
    if (!isThere || !Object.hasOwn(this.#config.groups, group)) return false;
    return this.#areSound(['groups', group], 'upstream');
  }

  #target(tokens: Tokens, api: ApiConfig): void {
    const { upstreams } = this.#config;
    const name = upstreamNameOf(this.#config, api);
    if (name === undefined) {
      const names = Object.keys(upstreams);
      if (names.length === 0) return;
      const known = names.slice(0, 5).join(', ');
      const message = `neither the API nor its group names one of the upstreams (${known})`;
      this.#problem([...tokens, 'upstream'], `${message}; add upstream.name`);
      return;
    }
    const isKnown =
      Object.hasOwn(upstreams, name) && this.#areSound(['upstreams', name], 'protocol');
    if (!isKnown) return;
    const { service, method, argTypes, codec, path, verb } = api.upstream;
    const { protocol } = upstreams[name]!;
    if (protocol === 'bolt') {
      for (const [key, value] of Object.entries({ service, method })) {
        const isGiven = value !== undefined;
        if (isGiven || !this.#areSound([...tokens, 'upstream'], key)) continue;
        const message = `is missing; upstream "${name}" speaks Bolt, which needs it`;
        this.#problem([...tokens, 'upstream', key], message);
      }
      this.#unused([...tokens, 'upstream'], { path, verb }, `"${name}" speaks Bolt`);
    } else if (protocol === 'http') {
      const unused = { service, method, argTypes, codec };
      this.#unused([...tokens, 'upstream'], unused, `"${name}" speaks HTTP`);
    } else {
      // The path stays: HTTP clients may call the API by it.
      const unused = { service, method, argTypes, codec, verb };
      this.#unused([...tokens, 'upstream'], unused, `"${name}" is in this process`);
    }
  }

  #unused(tokens: Tokens, settings: Record<string, unknown>, reason: string): void {
    for (const [key, value] of Object.entries(settings)) {
      if (value !== undefined) this.#warning([...tokens, key], `has no effect: upstream ${reason}`);
    }
  }

  #apiSession(tokens: Tokens, api: ApiConfig): void {
    if (!this.#soundness.isSound(['sessions'])) return;
    const { sessions, groups } = this.#config;
    const group = api.group === undefined ? undefined : groups[api.group];
    const rule = api.session ?? group?.session ?? sessions.rule;
    if (rule !== 'required' || sessions.keysFile !== undefined) return;
    const message = 'needs a session but there are no keys to check one';
    this.#warning([...tokens, 'session'], `${message}; give --session-keys FILE`);
  }

  #headers(tokens: Tokens, headers: HeaderChanges | undefined): void {
    if (headers === undefined) return;
    for (const side of ['request', 'response'] as const) {
      if (!this.#soundness.isContainer([...tokens, side, 'add'])) continue;
      for (const name of Object.keys(headers[side].add)) {
        if (!CONNECTION_HEADERS.has(name.toLowerCase())) continue;
        const message =
          'this header belongs to one connection and is made by the gateway; remove it';
        this.#problem([...tokens, side, 'add', name], message);
      }
    }
  }

  /** Refuses a configuration that was read from the admin API with its secrets masked. */
  masks(): void {
    visitLeaves(this.#config, (tokens, leaf) => {
      if (leaf !== SECRET_MASK || !isSecret(tokens)) return;
      this.#problem(tokens, `"${SECRET_MASK}" is the mask of a secret; give the value itself`);
    });
  }

  /** @param name undefined: nothing is named */
  #mustExist(tokens: Tokens, kind: 'upstream' | 'group', name: string | undefined): void {
    const key = kind === 'upstream' ? 'upstreams' : 'groups';
    if (name === undefined || !this.#soundness.isContainer([key])) return;
    if (!this.#soundness.isSound(tokens)) return;
    if (Object.hasOwn(this.#config[key], name)) return;
    const help = suggestion(name, Object.keys(this.#config[key]));
    this.#problem(tokens, `no ${kind} has the name "${name}"; ${help}`);
  }

  #atMost(
    section: 'listeners',
    small: 'highWatermarkBytes' | 'outputBytesMax' | 'frameBytesMax',
    large: 'outputBytesMax' | 'outputTotalBytesMax' | 'inputTotalBytesMax',
  ): void {
    if (!this.#areSound([section], small, large)) return;
    const value = this.#config[section][small];
    const limit = this.#config[section][large];
    if (value <= limit) return;
    const largePath = pathText([section, large]);
    this.#problem([section, small], `${value} is more than ${largePath} (${limit}); lower it`);
  }

  /** Settings of a map can be relied on; others of the same map may be broken. */
  #areSound(tokens: Tokens, ...keys: readonly string[]): boolean {
    return keys.every((key) => this.#soundness.isSound([...tokens, key]));
  }

  #problem(tokens: Tokens, message: string): void {
    this.problems.push({ tokens, message });
  }

  #warning(tokens: Tokens, message: string): void {
    this.warnings.push({ tokens, message });
  }
}
