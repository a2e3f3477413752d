import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import type { Applier } from '../../src/apply/applier.ts';
import { createApplier } from '../../src/apply/apply-origin.ts';
import { Beacon } from '../../src/apply/beacon.ts';
import { Knowledge } from '../../src/apply/knowledge.ts';
import { silentLog } from '../../src/base/log.ts';
import { Capture } from '../../src/capture/capture.ts';
import { ensureSlot } from '../../src/capture/setup.ts';
import { LmdbJournal } from '../../src/journal/journal-lmdb.ts';
import type { Model } from '../../src/model/ir/ir.ts';
import { createAuthority, issueCertificate } from '../../src/link/authority.ts';
import type { Identity } from '../../src/link/authority.ts';
import { Puller } from '../../src/link/puller.ts';
import { LinkServer } from '../../src/link/server.ts';
import { unshippedColumns } from '../../src/model/ir/replicated.ts';
import { connect, serverMajor } from '../../src/postgres/connect.ts';
import { installModel } from './install.ts';

const GROUP = 'test';
/** Names of the sites by number, as an agent knows them from the members. */
const NAMES = new Map([1, 2, 3].map((number) => [number, `site${number}`]));
const authority = createAuthority(GROUP);

/** Longest wait for a condition: what takes a second on a machine that has nothing else to do takes a minute on some. */
const LIMIT_MS = Number(process.env['TEST_LIMIT_MS'] ?? 150_000);

/** Waits until the condition holds; fails with its name after the limit. */
export async function eventually(
  what: string,
  holds: () => Promise<boolean> | boolean,
): Promise<void> {
  const end = Date.now() + LIMIT_MS;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${LIMIT_MS} ms: ${what}`);
    await delay(20);
  }
}

/** One site: capture, journal, link and applier, as an agent has them. */
export class TestSite {
  readonly number: number;
  readonly dsn: string;
  readonly sql: Client;
  readonly journal: LmdbJournal;
  readonly folder: string;
  readonly slot: string;
  #stop: AbortController | undefined;
  #running: Promise<unknown> = Promise.resolve();
  applier: Applier | undefined;

  #server: LinkServer | undefined;
  #port = 0;

  private constructor(number: number, parts: { dsn: string; sql: Client; slot: string }) {
    this.number = number;
    this.dsn = parts.dsn;
    this.sql = parts.sql;
    this.slot = parts.slot;
    this.folder = mkdtempSync(join(tmpdir(), 'crp-site-'));
    this.journal = LmdbJournal.open({ path: this.folder, quotaBytes: 2 ** 30 });
  }

  static async create(number: number, dsn: string, model: Model): Promise<TestSite> {
    const sql = await connect(dsn, 'test');
    await installModel(sql, { name: `site${number}`, number }, model);
    const database = new URL(dsn).pathname.slice(1);
    const slot = `crp_${database}_${number}`;
    await ensureSlot(dsn, slot);
    const created = new TestSite(number, { dsn, sql, slot });
    await created.#listen();
    return created;
  }

  async #identity(): Promise<{ authority: string; identity: Identity }> {
    const group = await authority;
    const identity = await issueCertificate(group, { group: GROUP, name: `site${this.number}` });
    return { authority: group.certificate, identity };
  }

  async #listen(): Promise<void> {
    this.#server = new LinkServer({
      ...{ self: this.number, ...(await this.#identity()) },
      ...{ journal: this.journal, host: '127.0.0.1', port: 0, log: silentLog() },
      ...{ modelHash: () => 'test', onAck: () => undefined },
    });
    this.#port = await this.#server.listen();
  }

  /** Captures here, pulls from the other site, and applies what it has. */
  async start(other: TestSite, model: Model): Promise<void> {
    const stop = new AbortController();
    this.#stop = stop;
    const log = silentLog();
    const capture = new Capture({
      ...{ site: { number: this.number, incarnation: 1 }, dsn: this.dsn, slot: this.slot },
      ...{
        publication: 'crp',
        serverMajor: await serverMajor(this.sql),
        journal: this.journal,
        log,
      },
      unshipped: unshippedColumns([model]),
    });
    const beacon = new Beacon(this.dsn, () => true);
    const applier = createApplier({
      ...{ site: { name: `site${this.number}`, number: this.number }, siteNames: () => NAMES },
      ...{ origin: other.number, incarnation: 1, models: [model], journal: this.journal },
      ...{ dsn: this.dsn, log, knowledge: new Knowledge(this.number) },
      ...{ beacon, maxClockDriftMicros: 10_000_000n },
      onApplied: () => undefined,
    });
    this.applier = applier;
    const identity = await this.#identity();
    const peer = { name: `site${other.number}`, host: '127.0.0.1', port: other.#port };
    const puller = new Puller({
      connection: () => ({ ...identity, group: GROUP, peer }),
      ...{ origin: other.number, journal: this.journal, log },
      ...{ modelHash: () => 'test', applied: () => applier.appliedDurably() },
    });
    this.#running = Promise.all(
      [capture, applier, puller].map((part) => part.run(stop.signal)),
    ).finally(() => beacon.close());
    this.#running.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stop?.abort();
    await this.#running;
  }

  async remove(): Promise<void> {
    await this.stop();
    await this.#server?.close();
    await this.journal.close();
    await this.sql.query('SELECT pg_drop_replication_slot($1)', [this.slot]).catch(() => undefined);
    await this.sql.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
