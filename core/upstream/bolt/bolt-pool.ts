// Multiplexed connections to the hosts of one Bolt upstream. Unless a balancer chooses, the first
// host is the service in the same pod: calls go there as long as it has a ready connection, and to
// the others only when it has none. Connections are opened by the first call and kept open; a lost
// one comes back at once if it had worked for a while, else after a backoff. While all hosts are
// failing, calls fail at once instead of waiting. A host that was silent is used only while there
// is no other, until it is heard again.

import { Errors, type GatewayError } from '#core/base/errors.ts';
import { connectError, type HostStatus } from '../contract.ts';
import type { UpstreamCall, UpstreamEnvironment } from '../contract.ts';
import { Balancer, type BalancedHosts } from '../balance.ts';
import { HostSlot } from '../host-slot.ts';
import { WaitingLine } from '../waiting-line.ts';
import { BoltConnection, type BoltConnectionOwner, type BoltSettings } from './bolt-connection.ts';
import type { BoltTarget } from './bolt-target.ts';

/** LIMIT: a connection that lived shorter is no reason to connect anew without a pause. Ms. */
const LIVED_MS = 1000;

interface Host {
  readonly slot: HostSlot;
  readonly connections: BoltConnection[];
  /** Index of the connection that the next call takes. */
  next: number;
  /** A connection stalled, and the host has not gone on since. */
  isSuspect: boolean;
  /**
   * It did not answer heartbeats, or closed before it had sent anything, and was not heard since:
   * that it accepts says nothing.
   */
  isDoubtful: boolean;
}

/** Pool of one Bolt upstream of one lane. */
export class BoltPool implements BoltConnectionOwner, BalancedHosts {
  readonly settings: BoltSettings;
  readonly #environment: UpstreamEnvironment;
  readonly #hosts: readonly Host[];
  readonly hostCount: number;
  /** Null: the first host that can be reached. */
  readonly #balancer: Balancer | null;
  readonly #line: WaitingLine;
  /** Host that is asked first when the one whose turn it is has no room. */
  #roomyFrom = 0;
  /** What each waiting call is to be sent as. */
  readonly #targets = new WeakMap<UpstreamCall, BoltTarget>();
  #isClosed = false;

  constructor(settings: BoltSettings, environment: UpstreamEnvironment) {
    this.settings = settings;
    this.#environment = environment;
    const { clock, random } = environment;
    this.#hosts = settings.hosts.map((address) => ({
      slot: new HostSlot(address, clock, random, settings),
      connections: [],
      next: 0,
      isSuspect: false,
      isDoubtful: false,
    }));
    this.hostCount = settings.hosts.length;
    this.#balancer =
      settings.balance === 'first' ? null : new Balancer(settings.balance, this, random);
    this.#line = new WaitingLine({
      clock,
      waitersMax: settings.waitersMax,
      waitMs: settings.waitMs,
      counters: settings.counters,
      fail: (call, error) => {
        // A timer may call this, between batches.
        environment.observer.batchStarted();
        environment.observer.failed(call, error);
      },
    });
  }

  /** Sends `call` on a ready connection, or lets it wait for one. */
  send(call: UpstreamCall, target: BoltTarget): void {
    // Those who wait come first; what they leave room for need not wait behind them.
    if (this.#line.count > 0) this.#serveWaiters();
    const connection = this.#line.count === 0 ? this.#pick() : null;
    if (connection !== null) {
      connection.send(call, target);
      return;
    }
    const error = this.#ensureConnecting();
    if (error !== null) {
      this.#environment.observer.failed(call, error);
      return;
    }
    this.#targets.set(call, target);
    this.#line.join(call);
  }

  cancel(call: UpstreamCall): void {
    if (call.link === this.#line) this.#line.leave(call);
    else if (call.link instanceof BoltConnection) call.link.cancel(call);
  }

  /** Closes the pool; open calls fail. */
  close(): void {
    this.#isClosed = true;
    this.#line.failAll(Errors.draining);
    for (const host of this.#hosts) {
      host.slot.close();
      for (const connection of host.connections.slice()) connection.destroy();
    }
  }

  status(): HostStatus[] {
    return this.#hosts.map(({ slot, connections }) => ({
      host: `${slot.address.host}:${slot.address.port}`,
      state: stateOf(slot, connections),
      connections: connections.filter(({ isReady }) => isReady).length,
      openRequests: connections.reduce((sum, { openCount }) => sum + openCount, 0),
      lastError: slot.lastError?.code ?? '',
    }));
  }

  opened(connection: BoltConnection): void {
    if (this.#isClosed) {
      connection.destroy();
      return;
    }
    const host = this.#hostOf(connection)!;
    if (host.isDoubtful) connection.ask();
    else host.slot.opened();
    connection.isSuspect = host.isSuspect;
    this.#environment.observer.batchStarted();
    this.#serveWaiters();
  }

  proved(connection: BoltConnection): void {
    const host = this.#hostOf(connection);
    if (host === undefined) return;
    host.slot.proved();
    if (!host.isDoubtful) return;
    host.isDoubtful = false;
    this.#serveWaiters();
  }

  silent(connection: BoltConnection): void {
    const host = this.#hostOf(connection);
    if (host === undefined) return;
    host.isDoubtful = true;
    for (const other of host.connections) {
      if (other === connection) continue;
      other.hasProvenItself = false;
      if (other.isReady) other.ask();
    }
  }

  writable(connection: BoltConnection): void {
    if (this.#line.count === 0 || !connection.isReady) return;
    this.#environment.observer.batchStarted();
    this.#serveWaiters();
  }

  stalled(connection: BoltConnection): void {
    const host = this.#hostOf(connection);
    if (host === undefined) return;
    setSuspect(host, true);
    this.#environment.observer.batchStarted();
    // Others may take what waits.
    this.#serveWaiters();
    this.#failHopeless();
  }

  wentOn(connection: BoltConnection): void {
    const host = this.#hostOf(connection);
    if (host === undefined) return;
    setSuspect(host, false);
    this.#environment.observer.batchStarted();
    this.#serveWaiters();
  }

  closed(connection: BoltConnection, error: string): void {
    const host = this.#hostOf(connection);
    if (host === undefined) return;
    host.connections.splice(host.connections.indexOf(connection), 1);
    if (this.#isClosed) return;
    if (connection.hasProvenItself) this.#lost(host, connection);
    else this.#failed(host, connection, error);
    this.#serveWaiters();
    this.#failHopeless();
  }

  /** A server that worked until now is most likely back at once; if not, the backoff begins. */
  #lost(host: Host, connection: BoltConnection): void {
    const livedMs = this.#environment.clock.nowMs() - connection.openedMs;
    if (livedMs < LIVED_MS) {
      host.slot.lost(() => this.#connect(host));
      return;
    }
    if (!host.isDoubtful) host.slot.connected();
    this.#connect(host);
  }

  #failed(host: Host, connection: BoltConnection, error: string): void {
    if (connection.wasReady) {
      if (!host.connections.some(hasProvenItself)) host.isDoubtful = true;
    } else {
      this.#countFailure(error);
    }
    const reason = connection.wasReady ? Errors.upstreamReset : connectError(error);
    host.slot.failed(reason, () => this.#connect(host));
  }

  /** Those who wait for nothing fail now. */
  #failHopeless(): void {
    if (this.#line.count > 0 && !this.#hosts.some(isHopeful)) this.#line.failAll(this.#reason());
  }

  /** Why no host can take a call. */
  #reason(): GatewayError {
    const { slot, connections } = this.#hosts[0]!;
    if (connections.length > 0) return Errors.upstreamStalled;
    return slot.lastError ?? Errors.upstreamConnectFailed;
  }

  /** Sends those who wait as long as there is a ready connection. */
  #serveWaiters(): void {
    while (this.#line.count > 0) {
      // One by one: a connection may break while the line empties.
      const ready = this.#pickRoomy();
      // The line may hold more than connections should: the rest follows as it is taken.
      if (ready === null) return;
      const call = this.#line.shift()!;
      ready.send(call, this.#targets.get(call)!);
    }
  }

  #countFailure(error: string): void {
    if (error === 'ETIMEDOUT') this.settings.counters.connectTimeouts++;
    else this.settings.counters.connectFailures++;
  }

  isUsable(host: number): boolean {
    const entry = this.#hosts[host]!;
    const { connections } = entry;
    if (entry.isDoubtful) return false;
    for (let i = 0; i < connections.length; i++) if (connections[i]!.isReady) return true;
    if (connections.length === 0) this.#connect(entry);
    return false;
  }

  openCountOf(host: number): number {
    const { connections } = this.#hosts[host]!;
    let count = 0;
    for (let i = 0; i < connections.length; i++) count += connections[i]!.openCount;
    return count;
  }

  /** A ready connection for the next call; null: there is none, or a host worth waiting for. */
  #pick(): BoltConnection | null {
    if (this.#balancer === null) return this.#pickFirst();
    const host = this.#balancer.pick();
    return host < 0 ? this.#pickDoubtful() : readyOf(this.#hosts[host]!);
  }

  /** A ready connection of the first host that has one. */
  #pickFirst(): BoltConnection | null {
    const hosts = this.#hosts;
    for (let h = 0; h < hosts.length; h++) {
      const host = hosts[h]!;
      if (host.isDoubtful) continue;
      const connection = readyOf(host);
      if (connection !== null) return connection;
      if (host.connections.length === 0) this.#connect(host);
      // Calls that arrive while a preferred host connects wait for it, unless it was down before.
      if (hasHopefulConnection(host) && !host.slot.isDown) return null;
    }
    return this.#pickDoubtful();
  }

  /** A connection that is ready and not full, other than the next one if need be; null: none. */
  #pickRoomy(): BoltConnection | null {
    const picked = this.#pick();
    if (picked === null || !picked.isFull) return picked;
    const hosts = this.#hosts;
    // In the order of preference, or from another host each time.
    if (this.#balancer !== null) this.#roomyFrom = (this.#roomyFrom + 1) % hosts.length;
    for (let tried = 0; tried < hosts.length; tried++) {
      const host = hosts[(this.#roomyFrom + tried) % hosts.length]!;
      const connection = host.isDoubtful ? null : roomyOf(host);
      if (connection !== null) return connection;
    }
    return null;
  }

  /** A ready connection of a host in doubt, unless another one is worth waiting for. */
  #pickDoubtful(): BoltConnection | null {
    const isWorthwhile = (host: Host): boolean =>
      !host.isDoubtful && !host.slot.isDown && isHopeful(host);
    if (this.#hosts.some(isWorthwhile)) return null;
    for (const host of this.#hosts) {
      const connection = host.isDoubtful ? readyOf(host) : null;
      if (connection !== null) return connection;
    }
    return null;
  }

  /** Null when some host is connecting; else why no host can be reached now. */
  #ensureConnecting(): GatewayError | null {
    if (this.#isClosed) return Errors.draining;
    return this.#hosts.some(isHopeful) ? null : this.#reason();
  }

  /** Opens what is missing to `connections` connections. */
  #connect(host: Host): void {
    if (this.#isClosed || host.slot.isFailing) return;
    while (host.connections.length < this.settings.connections) {
      host.connections.push(
        new BoltConnection(host.slot.address, this.settings, this.#environment, this),
      );
    }
  }

  #hostOf(connection: BoltConnection): Host | undefined {
    return this.#hosts.find(({ connections }) => connections.includes(connection));
  }
}

/** A ready connection of `host`, each in turn; null when there is none. */
function readyOf(host: Host): BoltConnection | null {
  const { connections } = host;
  for (let tried = 0; tried < connections.length; tried++) {
    if (host.next >= connections.length) host.next = 0;
    const connection = connections[host.next++]!;
    if (connection.isReady) return connection;
  }
  return null;
}

/** A ready connection of `host` that is not full, each in turn; null when there is none. */
function roomyOf(host: Host): BoltConnection | null {
  for (let tried = 0; tried < host.connections.length; tried++) {
    const connection = readyOf(host);
    if (connection === null || !connection.isFull) return connection;
  }
  return null;
}

/** Has a connection that is ready or is about to be so, or is most likely to get one soon. */
function isHopeful(host: Host): boolean {
  return host.slot.isExpected || hasHopefulConnection(host);
}

function hasHopefulConnection({ connections }: Host): boolean {
  return connections.some(({ isStalled }) => !isStalled);
}

function hasProvenItself(connection: BoltConnection): boolean {
  return connection.hasProvenItself;
}

function setSuspect(host: Host, isSuspect: boolean): void {
  host.isSuspect = isSuspect;
  for (const connection of host.connections) connection.isSuspect = isSuspect;
}

function stateOf(slot: HostSlot, connections: readonly BoltConnection[]): HostStatus['state'] {
  if (connections.some(({ isReady }) => isReady)) return 'ready';
  if (slot.isFailing) return 'failing';
  if (connections.length === 0) return 'idle';
  return connections.every(({ isStalled }) => isStalled) ? 'stalled' : 'connecting';
}
