// The operations that the suite `codecs` times, each named once; comments in the code that say
// `PERF: case NAME` mean these. Invariant: a case is checked for a right answer before it is timed.
// A case belongs here when requests meet it; sizes and shapes are those of a typical request.

import { boltCases } from './cases/bolt-cases.ts';
import type { CorpusCase } from './cases/corpus-case.ts';
import { httpCases } from './cases/http-cases.ts';
import { kernelCases } from './cases/kernel-cases.ts';
import { mmtpCases } from './cases/mmtp-cases.ts';
import { routingCases } from './cases/routing-cases.ts';
import { sessionCases } from './cases/session-cases.ts';

export const CORPUS: readonly CorpusCase[] = [
  ...mmtpCases,
  ...httpCases,
  ...boltCases,
  ...sessionCases,
  ...kernelCases,
  ...routingCases,
];
