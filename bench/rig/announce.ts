// What a child of the bench tells its parent, and how it ends: with its standard input, so that it
// goes with the parent however that ends.

/** Says that the child serves on `ports`, and ends it with its parent. */
export function announceReady(role: string, ports: Readonly<Record<string, number>>): void {
  const ready = { event: 'ready', role, pid: process.pid, ports };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  process.stdin.on('end', () => process.exit(0)).resume();
}

/** Says what a generator found. */
export function announceResult(result: object): void {
  process.stdout.write(`${JSON.stringify({ event: 'result', ...result })}\n`);
}
