// Claims of a legacy session as such systems accumulate them: profile, device, logins, risk,
// entitlements, addresses; about 7 KB of JSON that gzip leaves 2 to 3 KB of. Invariant: the same
// seed gives the same text. For the command line, tests and benchmarks; no request comes here.

import type { LegacyClaims } from './legacy.ts';

const LOGINS = 12;
const ENTITLEMENTS = 22;
const ADDRESSES = 4;
const RISK_ATTRIBUTES = 24;

const WORDS = [
  'transfer',
  'payment',
  'fund',
  'loan',
  'wallet',
  'merchant',
  'coupon',
  'travel',
  'insurance',
  'credit',
  'account',
  'profile',
  'message',
  'invoice',
  'charity',
  'recharge',
  'voucher',
  'ticket',
] as const;
const CITIES = [
  'Hangzhou',
  'Shanghai',
  'Beijing',
  'Shenzhen',
  'Chengdu',
  'Wuhan',
  'Xiamen',
] as const;
const STREETS = [
  'Wensan Road',
  'Century Avenue',
  'Lake Street',
  'Park Lane',
  'River Road',
] as const;
const NAMES = ['Li Wei', 'Wang Fang', 'Zhang Min', 'Chen Jie', 'Liu Yang', 'Zhao Lei'] as const;
const MODELS = ['PHX-A10', 'PHX-B20', 'NOVA-7', 'NOVA-9 Pro', 'TAB-11'] as const;
const NETWORKS = ['WIFI', '4G', '5G'] as const;
const LEVELS = ['basic', 'silver', 'gold', 'diamond'] as const;

/** A small seeded generator (mulberry32): repeatable, not for secrets. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** An integer in 0..below-1. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let word = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return Math.floor((((word ^ (word >>> 14)) >>> 0) / 2 ** 32) * below);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  hex(bytes: number): string {
    let text = '';
    for (let i = 0; i < bytes; i++) text += this.below(256).toString(16).padStart(2, '0');
    return text;
  }

  digits(count: number): string {
    let text = '';
    for (let i = 0; i < count; i++) text += this.below(10);
    return text;
  }
}

/**
 * The given claims and all the rest of a fat session.
 *
 * @param seed any integer
 */
export function sampleLegacyClaims(claims: LegacyClaims, seed: number): LegacyClaims {
  const dice = new Dice(seed);
  const list = <T>(count: number, make: (index: number) => T): T[] => {
    return Array.from({ length: count }, (_, index) => make(index));
  };
  const rest = {
    profile: profileOf(dice),
    deviceInfo: deviceOf(dice),
    loginHistory: list(LOGINS, (index) => loginOf(dice, claims.iat - index * 86_400)),
    riskAttributes: Object.fromEntries(
      list(RISK_ATTRIBUTES, (index) => [
        `${dice.pick(WORDS)}.risk.${index}`,
        { score: dice.below(1000) / 1000, ruleId: `R${dice.digits(6)}`, hit: dice.below(4) === 0 },
      ]),
    ),
    entitlements: list(ENTITLEMENTS, () => ({
      code: `${dice.pick(WORDS)}.${dice.pick(WORDS)}.${dice.pick(['read', 'write', 'admin'])}`,
      grantedAt: claims.iat - dice.below(50_000_000),
      expiresAt: claims.iat + dice.below(50_000_000),
      source: dice.pick(['member', 'campaign', 'system']),
    })),
    addresses: list(ADDRESSES, (index) => addressOf(dice, index === 0)),
  };
  return { ...claims, ...rest };
}

function profileOf(dice: Dice): object {
  return {
    loginName: `${dice.digits(3)}******${dice.digits(2)}@example.com`,
    realName: dice.pick(NAMES),
    certifiedLevel: dice.pick(LEVELS),
    memberLevel: dice.pick(LEVELS),
    gender: dice.pick(['F', 'M']),
    birthday: `19${dice.digits(2)}-0${1 + dice.below(9)}-1${dice.below(10)}`,
    mobile: `1${dice.digits(2)}****${dice.digits(4)}`,
    avatar: `https://img.example.com/avatar/${dice.hex(16)}.webp`,
    locale: dice.pick(['zh-CN', 'en-US']),
    tags: [dice.pick(WORDS), dice.pick(WORDS), dice.pick(WORDS)],
  };
}

function deviceOf(dice: Dice): object {
  return {
    model: dice.pick(MODELS),
    osVersion: `${10 + dice.below(6)}.${dice.below(10)}`,
    clientVersion: `10.${dice.below(9)}.${dice.digits(2)}.${dice.digits(4)}`,
    fingerprint: dice.hex(32),
    apdid: dice.hex(24),
    network: dice.pick(NETWORKS),
    resolution: dice.pick(['1080x2400', '1440x3200', '750x1334']),
  };
}

function loginOf(dice: Dice, at: number): object {
  return {
    at: at - dice.below(86_400),
    ip: `10.${dice.below(256)}.${dice.below(256)}.${dice.below(256)}`,
    city: dice.pick(CITIES),
    type: dice.pick(['password', 'face', 'gesture', 'sms']),
    device: dice.pick(MODELS),
    network: dice.pick(NETWORKS),
    result: 'SUCCESS',
    traceId: dice.hex(12),
  };
}

function addressOf(dice: Dice, isDefault: boolean): object {
  return {
    addressId: dice.digits(12),
    receiver: dice.pick(NAMES),
    mobile: `1${dice.digits(2)}****${dice.digits(4)}`,
    city: dice.pick(CITIES),
    street: `${1 + dice.below(999)} ${dice.pick(STREETS)}`,
    postcode: dice.digits(6),
    isDefault,
  };
}
