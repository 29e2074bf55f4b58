// Ping-pong connections to the hosts of one HTTP/1.1 upstream: one call at a time on each. Idle
// ones are reused last in, first out, and closed before the service would close them. Unless a
// balancer chooses, the first host is the service in the same pod, and the others are used only
// while it cannot be reached. A balanced call goes to an idle connection of its host; when there is
// none it waits for the next connection that is free or new, whichever host that is.

import { Errors } from '#core/base/errors.ts';
import { connectError, type HostStatus } from '../contract.ts';
import type { PoolSettings, UpstreamCall, UpstreamEnvironment } from '../contract.ts';
import { Balancer, type BalancedHosts } from '../balance.ts';
import { HostSlot } from '../host-slot.ts';
import { WaitingLine } from '../waiting-line.ts';
import { HttpConnection } from './http-connection.ts';
import type { HttpTarget } from './http-target.ts';

/** Settings of an HTTP upstream. */
export interface HttpSettings extends PoolSettings {
  /** LIMIT: connections per host, of this lane. */
  readonly connectionsMax: number;
  /** Idle connections are closed after this time, or earlier when the service says so. */
  readonly idleTimeoutMs: number;
}

/** One host with its connections. */
export interface HttpHost {
  readonly slot: HostSlot;
  readonly idle: HttpConnection[];
  /** All connections: connecting, busy and idle. */
  readonly all: Set<HttpConnection>;
  /** Connections being opened. */
  connecting: number;
}

/** Pool of one HTTP upstream of one lane. */
export class HttpPool implements BalancedHosts {
  readonly settings: HttpSettings;
  readonly environment: UpstreamEnvironment;
  readonly #hosts: readonly HttpHost[];
  readonly hostCount: number;
  /** Null: the first host that can be reached. */
  readonly #balancer: Balancer | null;
  readonly #line: WaitingLine;
  readonly #targets = new WeakMap<UpstreamCall, HttpTarget>();
  #isClosed = false;

  constructor(settings: HttpSettings, environment: UpstreamEnvironment) {
    this.settings = settings;
    this.environment = environment;
    const { clock, random } = environment;
    this.#hosts = settings.hosts.map((address) => ({
      slot: new HostSlot(address, clock, random, settings),
      idle: [],
      all: new Set(),
      connecting: 0,
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

  /** Sends `call` on an idle connection, or opens one, or lets it wait. */
  send(call: UpstreamCall, target: HttpTarget): void {
    // What broke one idle connection may have broken all: a second attempt wants a fresh one.
    const idle = call.attempts > 1 ? null : this.#takeIdle();
    if (idle === null) this.#wait(call, target);
    else idle.send(call, target);
  }

  cancel(call: UpstreamCall): void {
    if (call.link === this.#line) this.#line.leave(call);
    else if (call.link instanceof HttpConnection) call.link.cancel();
    call.link = null;
  }

  resumeStream(call: UpstreamCall): void {
    if (call.link instanceof HttpConnection) call.link.resumeStream();
  }

  close(): void {
    this.#isClosed = true;
    this.#line.failAll(Errors.draining);
    for (const { slot, all } of this.#hosts) {
      slot.close();
      for (const connection of all) connection.destroy();
    }
  }

  status(): HostStatus[] {
    return this.#hosts.map(({ slot, all, idle, connecting }) => {
      const isUp = all.size > connecting;
      const isConnecting = connecting > 0 ? 'connecting' : 'idle';
      const down = slot.isFailing ? 'failing' : isConnecting;
      return {
        host: `${slot.address.host}:${slot.address.port}`,
        state: isUp ? 'ready' : down,
        connections: all.size - connecting,
        openRequests: all.size - connecting - idle.length,
        lastError: slot.lastError?.code ?? '',
      };
    });
  }

  /** `connection` is open, or has finished a call and may carry the next one. */
  available(connection: HttpConnection): void {
    const call = this.#line.shift();
    if (call !== null) {
      connection.send(call, this.#targets.get(call)!);
      return;
    }
    if (this.#isClosed) connection.destroy();
    else connection.host.idle.push(connection);
  }

  opened(connection: HttpConnection): void {
    const { host } = connection;
    host.connecting--;
    host.slot.connected();
    this.settings.counters.connectionsOpened++;
    this.environment.observer.batchStarted();
    this.available(connection);
  }

  /** `connection` is closing: it takes no further call. */
  withdraw(connection: HttpConnection): void {
    const { idle } = connection.host;
    const index = idle.indexOf(connection);
    if (index >= 0) idle.splice(index, 1);
  }

  /** `connection` is gone. */
  closed(connection: HttpConnection, error: string, wasOpen: boolean): void {
    const { host } = connection;
    host.all.delete(connection);
    this.withdraw(connection);
    if (wasOpen) this.settings.counters.connectionsClosed++;
    else this.#connectFailed(host, error);
    if (this.#isClosed || this.#line.count === 0) return;
    // Those who wait after a loss want a fresh connection; after a failed attempt, any.
    if (wasOpen) this.#openForWaiters();
    else this.#serveWaiters();
    if (!this.#hosts.some(({ all }) => all.size > 0)) {
      this.#line.failAll(this.#hosts[0]!.slot.lastError ?? Errors.upstreamConnectFailed);
    }
  }

  #connectFailed(host: HttpHost, error: string): void {
    const { counters } = this.settings;
    host.connecting--;
    if (error === 'ETIMEDOUT') counters.connectTimeouts++;
    else counters.connectFailures++;
    if (!this.#isClosed) host.slot.failed(connectError(error), () => this.#retry(host));
  }

  /** With other hosts to use meanwhile, a host is tried beside the traffic, else by it. */
  #retry(host: HttpHost): void {
    if (this.#hosts.length > 1 && host.connecting === 0) this.#open(host);
    this.#serveWaiters();
  }

  isUsable(host: number): boolean {
    const { slot, all, idle } = this.#hosts[host]!;
    return idle.length > 0 || (!slot.isDown && all.size < this.settings.connectionsMax);
  }

  openCountOf(host: number): number {
    const { all, idle } = this.#hosts[host]!;
    return all.size - idle.length;
  }

  #takeIdle(): HttpConnection | null {
    if (this.#balancer === null) return this.#takeIdleOfFirst();
    const host = this.#balancer.pick();
    return host < 0 ? null : (this.#hosts[host]!.idle.pop() ?? null);
  }

  #takeIdleOfFirst(): HttpConnection | null {
    const hosts = this.#hosts;
    for (let h = 0; h < hosts.length; h++) {
      const host = hosts[h]!;
      const idle = host.idle.pop();
      if (idle !== undefined) return idle;
      // Another host's idle connection is no reason to leave a preferred one that is up.
      if (!host.slot.isDown) return null;
    }
    return null;
  }

  #wait(call: UpstreamCall, target: HttpTarget): void {
    const { observer } = this.environment;
    if (this.#isClosed) {
      observer.failed(call, Errors.draining);
      return;
    }
    const isReachable = this.#hosts.some(({ slot, all }) => !slot.isFailing || all.size > 0);
    if (!isReachable) {
      observer.failed(call, this.#hosts[0]!.slot.lastError ?? Errors.upstreamConnectFailed);
      return;
    }
    this.#targets.set(call, target);
    this.#line.join(call);
    if (this.#line.count === 0) return;
    this.#openForWaiters();
    // No room for another connection: one that is there has to do.
    if (!this.#hosts.some(({ connecting }) => connecting > 0)) this.#serveWaiters();
  }

  /** Gives idle connections to those who wait, and opens one for everyone who is left. */
  #serveWaiters(): void {
    while (this.#line.count > 0) {
      const idle = this.#takeIdle();
      if (idle === null) break;
      this.available(idle);
    }
    this.#openForWaiters();
  }

  /** Opens connections until there is one on its way for everyone who waits. */
  #openForWaiters(): void {
    if (this.#isClosed) return;
    if (this.#balancer !== null) {
      this.#openBalanced();
      return;
    }
    const host =
      this.#hosts.find(({ slot }) => !slot.isDown) ??
      this.#hosts.find(({ slot }) => !slot.isFailing);
    if (host === undefined) return;
    const { connectionsMax } = this.settings;
    while (host.connecting < this.#line.count && host.all.size < connectionsMax) this.#open(host);
  }

  /** Opens them where the fewest are, so that idle ones are found wherever the balancer looks. */
  #openBalanced(): void {
    // Attempts on hosts that were down may come to nothing: while others are up they do not count.
    let hopeful = 0;
    let doubtful = 0;
    for (const { slot, connecting } of this.#hosts) {
      if (slot.isDown) doubtful += connecting;
      else hopeful += connecting;
    }
    for (;;) {
      const host = this.#leastConnected();
      if (host === null) return;
      const { isDown } = host.slot;
      if ((isDown ? hopeful + doubtful : hopeful) >= this.#line.count) return;
      this.#open(host);
      if (isDown) doubtful++;
      else hopeful++;
    }
  }

  /** The host with the fewest connections that may have one more; null: none may. */
  #leastConnected(): HttpHost | null {
    let least: HttpHost | null = null;
    for (const host of this.#hosts) {
      if (host.slot.isFailing || host.all.size >= this.settings.connectionsMax) continue;
      // A host that is being tried again gets calls only while there is no other.
      const isBetter =
        least === null ||
        (host.slot.isDown === least.slot.isDown
          ? host.all.size < least.all.size
          : least.slot.isDown);
      if (isBetter) least = host;
    }
    return least;
  }

  #open(host: HttpHost): void {
    host.connecting++;
    host.all.add(new HttpConnection(this, host));
  }
}
