import type { Client } from 'pg';
import type { Log } from '../../base/log.ts';
import type { SiteConfig } from '../config/config.ts';
import type { Found } from './found.ts';

/** What an agent has before it has any part. */
export interface Beginnings {
  /** The site's folder. */
  root: string;
  config: SiteConfig;
  log: Log;
  client: Client;
  found: Found;
  /** As in `AgentOptions`. */
  until: ReadonlyMap<number, bigint> | undefined;
}
