// The balancer: even turns, fewer open calls first, and nothing for hosts that cannot be used.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { Balancer, type BalancedHosts, type BalancePolicy } from '#core/upstream/balance.ts';
import { SimRandom } from '#test/simulation/sim-random.ts';

class Hosts implements BalancedHosts {
  readonly hostCount: number;
  readonly open: number[];
  readonly usable: boolean[];

  constructor(count: number) {
    this.hostCount = count;
    this.open = Array.from({ length: count }, () => 0);
    this.usable = this.open.map(() => true);
  }

  isUsable(host: number): boolean {
    return this.usable[host]!;
  }

  openCountOf(host: number): number {
    return this.open[host]!;
  }
}

function pickMany(balancer: Balancer, hosts: Hosts, times: number): number[] {
  const picked = hosts.open.map(() => 0);
  for (let i = 0; i < times; i++) picked[balancer.pick()]!++;
  return picked;
}

const create = (policy: BalancePolicy, hosts: Hosts) =>
  new Balancer(policy, hosts, new SimRandom(7));

describe('Balancer', () => {
  test('round-robin takes each host in turn', () => {
    const hosts = new Hosts(3);
    const balancer = create('round-robin', hosts);
    const picked = Array.from({ length: 7 }, () => balancer.pick());
    assert.deepEqual(picked, [0, 1, 2, 0, 1, 2, 0]);
  });

  test('round-robin spreads evenly over those that are left when one is down', () => {
    const hosts = new Hosts(4);
    hosts.usable[1] = false;
    assert.deepEqual(pickMany(create('round-robin', hosts), hosts, 300), [100, 0, 100, 100]);
  });

  test('least-open takes the host with fewer open calls of two', () => {
    const hosts = new Hosts(2);
    hosts.open[0] = 5;
    hosts.open[1] = 4;
    assert.deepEqual(pickMany(create('least-open', hosts), hosts, 20), [0, 20]);
  });

  test('least-open spreads evenly while all are equally open', () => {
    const hosts = new Hosts(2);
    assert.deepEqual(pickMany(create('least-open', hosts), hosts, 100), [50, 50]);
  });

  test('least-open keeps a slow host from gathering calls', () => {
    const hosts = new Hosts(5);
    const balancer = create('least-open', hosts);
    // Host 0 answers one call of ten, the others all; each turn sends one call.
    for (let i = 0; i < 5000; i++) {
      hosts.open[balancer.pick()]!++;
      for (let host = 0; host < 5; host++) {
        if ((host > 0 || i % 50 === 0) && hosts.open[host]! > 0) hosts.open[host]!--;
      }
    }
    assert.ok(hosts.open[0]! < 10, `${hosts.open[0]} calls wait at the slow host`);
    const turns = new Hosts(5);
    const inTurn = create('round-robin', turns);
    for (let i = 0; i < 5000; i++) {
      turns.open[inTurn.pick()]!++;
      if (i % 50 === 0 && turns.open[0]! > 0) turns.open[0]!--;
    }
    assert.ok(turns.open[0]! > 500, 'the test would see the difference');
  });

  test('property: picks a usable host whenever there is one', () => {
    const policies = fc.constantFrom<BalancePolicy>('round-robin', 'least-open');
    const states = fc.array(fc.tuple(fc.boolean(), fc.nat(9)), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(policies, states, fc.integer(), (policy, state, seed) => {
        const hosts = new Hosts(state.length);
        for (const [host, [usable, open]] of state.entries()) {
          hosts.usable[host] = usable;
          hosts.open[host] = open;
        }
        const balancer = new Balancer(policy, hosts, new SimRandom(seed));
        for (let i = 0; i < 20; i++) {
          const picked = balancer.pick();
          if (hosts.usable.includes(true)) assert.ok(hosts.usable[picked]);
          else assert.equal(picked, -1);
        }
      }),
    );
  });
});
