// The whole gateway in simulated worlds, each from one seed that a failure prints. Run one again
// with MGW_SIM_SEED=<seed>. Invariant: every request is answered once, by its own answer or a
// result code that may be; what must not be repeated is not; nothing is left when all clients are
// gone.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { describe, test } from 'node:test';
import { FAIR, ROUGH, World, type Weather } from './simulation.ts';

const FAIR_WORLDS = 6;
const ROUGH_WORLDS = 40;

const given = process.env['MGW_SIM_SEED'];

/** Seeds of `count` worlds: the given one, or fresh ones. */
function seeds(count: number): readonly number[] {
  if (given !== undefined) return [Number(given)];
  return Array.from({ length: count }, () => randomInt(2 ** 31));
}

async function runWorld(seed: number, weather: Weather): Promise<World> {
  try {
    const world = await World.create(seed, weather);
    world.run(weather);
    await world.assertClean();
    return world;
  } catch (cause) {
    throw new Error(`The world of MGW_SIM_SEED=${seed} failed`, { cause });
  }
}

describe('Gateway in a simulated world', () => {
  test('in fair weather every request is answered', async () => {
    for (const seed of seeds(FAIR_WORLDS)) {
      const { calls } = await runWorld(seed, FAIR);
      const lost = calls.all.filter(({ end }) => end === 'broken');
      const failed = calls.all.filter(
        ({ operation, code, end }) =>
          end === 'answered' && operation.codes.includes(1000) && code !== 1000,
      );
      assert.deepEqual(
        [...lost, ...failed].map(({ name, code }) => `${name}: ${code}`),
        [],
        `seed ${seed}`,
      );
    }
  });

  test('in rough weather every request has an end, and only its own answer', async () => {
    let answered = 0;
    for (const seed of seeds(ROUGH_WORLDS)) {
      const { calls } = await runWorld(seed, ROUGH);
      answered += calls.all.filter(({ code }) => code === 1000).length;
    }
    assert.ok(answered > 0, 'the weather was so rough that nothing was tested');
  });

  test('the same seed gives the same world', async () => {
    const [seed] = seeds(1);
    const runs = [await runWorld(seed!, ROUGH), await runWorld(seed!, ROUGH)];
    const [first, second] = runs.map(({ calls, clock }) => {
      return [clock.nowMs(), ...calls.all.map(({ code, end }) => `${end} ${code}`)];
    });
    assert.deepEqual(first, second);
  });
});
