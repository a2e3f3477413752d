import { BenchSites } from './sites.ts';
import type { Servers } from './servers.ts';
import type { Side, Work } from './side.ts';

/** Two sites with an agent each, that replicate in both directions. */
export class SynclineSide implements Side {
  readonly name = 'syncline';
  readonly template = 'template_syncline';
  readonly #sites: BenchSites;

  private constructor(sites: BenchSites) {
    this.#sites = sites;
  }

  /** Makes the sites, and their templates on both servers. */
  static async make({ a, b, folder }: Servers, rows: number): Promise<SynclineSide> {
    const template = 'template_syncline';
    const places = [a, b].map((server) => ({ server, template }));
    return new SynclineSide(await BenchSites.make('bench', { places, folder, rows }));
  }

  async start(database: string, { cuttable }: Work): Promise<void> {
    await this.#sites.prepare([database, database], { cuttable });
    await this.#sites.up();
    await this.#sites.live();
  }

  linkDown(): Promise<void> {
    return this.#sites.wire.down();
  }

  linkAwaited(): Promise<void> {
    return this.#sites.wire.awaited();
  }

  linkUp(): Promise<void> {
    return this.#sites.wire.up();
  }

  processesDown(): Promise<void> {
    return this.#sites.down('SIGKILL');
  }

  processesUp(): Promise<void> {
    return this.#sites.up();
  }

  processes(): number[] {
    return this.#sites.processes();
  }

  cpu(): number[] {
    return this.#sites.cpu();
  }

  async stop(): Promise<void> {
    await this.#sites.wire.up();
    await this.#sites.close();
  }

  remove(): Promise<void> {
    return this.#sites.remove();
  }
}
