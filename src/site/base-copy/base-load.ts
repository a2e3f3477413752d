import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Hash } from 'node:crypto';
import type { Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { CopyStreamQuery } from 'pg-copy-streams';
import { AppError, asError } from '../../base/errors.ts';
import { accepted } from '../../link/client.ts';
import type { PeerConnection } from '../../link/client.ts';
import { FrameReader } from '../../link/frames.ts';
import type { Frame } from '../../link/frames.ts';
import { columnList } from '../../sql/names/apply-names.ts';
import { ident } from '../../model/ir/names.ts';
import { checkHeader } from './base-check.ts';
import { BASE_FRAME } from './base-format.ts';
import type { BaseHeader, BasePart, BaseTable, BaseTableEnd } from './base-format.ts';

/** A base copy takes its time, but something must come this often. */
const SILENCE_MS = 60_000;

/** A base copy that is coming in. */
export class IncomingBase {
  readonly header: BaseHeader;
  readonly #frames: AsyncGenerator<Frame>;

  private constructor(header: BaseHeader, frames: AsyncGenerator<Frame>) {
    this.header = header;
    this.#frames = frames;
  }

  /**
   * Asks a member for a base copy and reads its header.
   *
   * @param site `address` of the new site, which the member notes; `number`, as the invitation says it
   * @throws AppError of the member (NOT_INVITED, …) or of the link
   */
  static async request(
    connection: PeerConnection,
    { address, number }: { address: string; number: number },
  ): Promise<IncomingBase> {
    const headers = { 'crp-address': address, 'crp-number': String(number) };
    return IncomingBase.#open(readFrames(connection, '/v1/base', { headers }));
  }

  /**
   * Asks a member for a part of the data.
   *
   * @throws AppError MODEL_UNKNOWN and others of the member, or of the link
   */
  static async requestPart(connection: PeerConnection, part: BasePart): Promise<IncomingBase> {
    return IncomingBase.#open(readFrames(connection, PART_PATH, { part }));
  }

  static async #open(frames: AsyncGenerator<Frame>): Promise<IncomingBase> {
    const first = await frames.next();
    if (first.done === true || first.value.kind !== BASE_FRAME.header) throw incomplete();
    return new IncomingBase(checkHeader(JSON.parse(first.value.payload.toString())), frames);
  }

  /**
   * Loads all tables in the caller's transaction, as a replica: no trigger stamps the rows anew.
   *
   * @param into the SQL name of the table that takes each
   * @returns with what the giving site says at the end
   * @throws AppError BASE_INCOMPLETE or BASE_DAMAGED; the caller rolls back
   */
  async load(
    client: Client,
    into = (table: BaseTable): string => `${ident(table.schema)}.${ident(table.name)}`,
  ): Promise<{ rows: number; bytes: number; end: string }> {
    const total = { rows: 0, bytes: 0, end: '' };
    await client.query('SET LOCAL session_replication_role = replica');
    for (const table of this.header.tables) {
      const target = into(table);
      const copy = client.query(
        copyFrom(`COPY ${target} (${columnList(table.columns)}) FROM STDIN WITH (FORMAT binary)`),
      );
      const end = await this.#loadTable(copy);
      if (copy.rowCount !== end.rows) throw damaged(target, `${copy.rowCount} of ${end.rows} rows`);
      total.rows += end.rows;
      total.bytes += end.bytes;
    }
    const last = await this.#frames.next();
    if (last.done === true || last.value.kind !== BASE_FRAME.done) throw incomplete();
    total.end = last.value.payload.toString();
    return total;
  }

  /** Gives the copy up. */
  async cancel(): Promise<void> {
    await this.#frames.return(undefined);
  }

  async #loadTable(copy: CopyStreamQuery): Promise<BaseTableEnd> {
    const hash = createHash('sha256');
    // Listened to from the start: a failure of the COPY must not be an unhandled event.
    const finished = once(copy, 'finish');
    finished.catch(() => undefined);
    let failed = false;
    copy.on('error', () => (failed = true));
    const write = async (bytes: Buffer): Promise<void> => {
      // The stream has let go of its connection then: a write would say that, and not what the server said.
      if (failed) await finished;
      else if (!copy.write(bytes)) await once(copy, 'drain');
    };
    const end = await this.#pipe(write, hash).catch((error: unknown) => {
      // The caller's ROLLBACK waits for the end of the COPY.
      copy.destroy(asError(error));
      throw error;
    });
    copy.end();
    await finished;
    if (hash.digest('hex') !== end.sha256) throw damaged('the base copy', 'its checksum is wrong');
    return end;
  }

  async #pipe(write: (bytes: Buffer) => Promise<void>, hash: Hash): Promise<BaseTableEnd> {
    for (;;) {
      const next = await this.#frames.next();
      if (next.done === true) throw incomplete();
      const { kind, payload } = next.value;
      if (kind === BASE_FRAME.end) return JSON.parse(payload.toString()) as BaseTableEnd;
      hash.update(payload);
      await write(Buffer.from(payload));
    }
  }
}

/** Path of a request for a part of the data; its body is a `BasePart`. */
export const PART_PATH = '/v1/base/part';

async function* readFrames(
  connection: PeerConnection,
  path: string,
  { headers, part }: { headers?: Readonly<Record<string, string>>; part?: BasePart },
): AsyncGenerator<Frame> {
  const stream = connection.request({ ':path': path, ...headers });
  stream.on('timeout', () => stream.destroy(stalled()));
  stream.setTimeout(SILENCE_MS);
  stream.end(part === undefined ? undefined : JSON.stringify(part));
  try {
    await accepted(stream, connection.peerName);
    const reader = new FrameReader();
    for await (const part of stream) {
      // That this site is busy, with the tables that the rows go into, is no silence of the other one.
      stream.setTimeout(0);
      yield* reader.push(part as Buffer);
      stream.setTimeout(SILENCE_MS);
    }
  } catch (error) {
    throw connection.explain(error);
  } finally {
    stream.destroy();
  }
}

function stalled(): AppError {
  return new AppError('BASE_STALLED', `Nothing of the base copy came for ${SILENCE_MS / 1000} s`, {
    hint: 'Look whether the site that gives it waits for a lock of a table, then try again',
    retry: 'later',
  });
}

function incomplete(): AppError {
  return new AppError('BASE_INCOMPLETE', 'The base copy ended early', {
    hint: 'Look at the log of the site that gives it, then join again',
    retry: 'later',
  });
}

function damaged(what: string, why: string): AppError {
  return new AppError('BASE_DAMAGED', `${what} arrived damaged: ${why}`, {
    hint: 'Join again; if it happens again, check the network',
    retry: 'later',
  });
}
