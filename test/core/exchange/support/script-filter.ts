// A filter that does what a test tells it in each phase, and keeps what it saw.

import type { Exchange } from '#core/pipeline/exchange.ts';
import {
  FilterStatus,
  PHASES,
  type Filter,
  type FilterFactory,
  type Phase,
  type Reason,
} from '#core/pipeline/filter.ts';

/** What the filter does in a phase. */
export type Action = 'continue' | 'reply' | 'refuse' | 'pause' | 'throw';

/** One filter under the control of a test. */
export class ScriptFilter {
  readonly name: string;
  /** What to do next in a phase; `continue` where nothing is said. */
  readonly actions = new Map<Phase, Action>();
  /** `phase` for every phase that ran. */
  readonly seen: string[] = [];
  /** Where the filter paused: what it needs to resume. */
  readonly pauses: { readonly exchange: Exchange; readonly serial: number }[] = [];
  readonly phases: readonly Phase[];
  completed = 0;

  constructor(name = 'script', phases: readonly Phase[] = PHASES) {
    this.name = name;
    this.phases = phases;
  }

  get factory(): FilterFactory {
    const { name, phases } = this;
    return { name, maturity: 'stable', phases, create: () => this.#filter() };
  }

  /** Resumes the oldest pause. */
  resume(status: FilterStatus = FilterStatus.continue): void {
    const { exchange, serial } = this.pauses.shift()!;
    exchange.resumer.resume(exchange, serial, status);
  }

  #filter(): Filter {
    const filter: Filter = {};
    for (const phase of this.phases) {
      if (phase === 'complete') filter.complete = () => this.#complete();
      else filter[phase] = (exchange) => this.#run(phase, exchange);
    }
    return filter;
  }

  #complete(): void {
    this.seen.push('complete');
    this.completed++;
    if (this.actions.get('complete') === 'throw') throw new Error('complete throws');
  }

  #run(phase: Phase, exchange: Exchange): FilterStatus {
    this.seen.push(phase);
    switch (this.actions.get(phase) ?? 'continue') {
      case 'continue':
        return FilterStatus.continue;
      case 'reply':
        exchange.response.resultCode = 1000;
        exchange.response.bodySource = Buffer.from(`by ${phase}`);
        exchange.response.bodyOffset = 0;
        exchange.response.bodyLength = exchange.response.bodySource.length;
        return FilterStatus.reply;
      case 'refuse':
        exchange.refuse(REFUSAL);
        return FilterStatus.reply;
      case 'pause':
        this.pauses.push({ exchange, serial: exchange.serial });
        return FilterStatus.pause;
      case 'throw':
        throw new Error(`${phase} throws`);
    }
  }
}

/** What `refuse` answers. */
export const REFUSAL: Reason = {
  code: 'GW_TEST',
  source: 'internal',
  retry: 'never',
  resultCode: 1001,
  text: 'Refused by a test',
};
